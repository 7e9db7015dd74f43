import { open } from "node:fs/promises";
import { builtinDescriptions, Classifier, loadLibrary } from "@portrait/classifier";
import { makePlan, type Plan } from "@portrait/replayer";
import { fileSource, TraceReader } from "@portrait/tracer";

/** What brings a fresh machine's devices to the state a trace ends in. */
export async function planFor(path: string): Promise<Plan> {
  const file = await open(path);
  try {
    const reader = await TraceReader.open(fileSource(file));
    const { fromReset, machine } = reader.info;
    const library = loadLibrary(builtinDescriptions(), { aliases: machine.decodesAliases });
    const classifier = new Classifier(library, { fromReset });
    for await (const batch of reader.batches()) classifier.feed(batch);
    return makePlan(classifier);
  } finally {
    await file.close();
  }
}
