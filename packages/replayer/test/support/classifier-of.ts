import { Classifier, type Library } from "@portrait/classifier";
import { BatchBuilder, opOf, type Width } from "@portrait/tracer";

/** One access: `["out", 0x20, 0x11]`; 8 bits wide unless said otherwise. */
export type Row = readonly [direction: "in" | "out", port: number, value: number, width?: Width];

/** What is known after these accesses, made from reset on unless said otherwise. */
export function classifierOf(library: Library, rows: readonly Row[], fromReset = true): Classifier {
  const classifier = new Classifier(library, { fromReset });
  const builder = new BatchBuilder((batch) => classifier.feed(batch));
  for (const [direction, port, value, width = 8] of rows) builder.push(0, port, opOf(direction, width), value);
  builder.flush();
  return classifier;
}
