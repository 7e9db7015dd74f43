import { builtinDescriptions, Classifier, classifiedColumns, loadLibrary } from "@portrait/classifier";
import { BATCH_CAPACITY, importTrace, recogniseLog } from "@portrait/tracer";
import { Chalk } from "chalk";
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyTrace, asStored, batchOf, INFO, memorySink, read, type Told } from "../../../tracer/test/traces.ts";
import { accessPrinter } from "./access-printer.ts";
import { Selection, type AccessTaker } from "./selection.ts";

const library = loadLibrary(builtinDescriptions(), { aliases: false });

/** A trace as `inspect -o ndjson` prints it. */
async function printed(told: Told): Promise<string> {
  const printer = accessPrinter("ndjson", "ns", new Chalk({ level: 0 }));
  let text = printer.head;
  const taker: AccessTaker = {
    full: false,
    access: (shown) => {
      text += printer.access(shown());
      return false;
    },
    remark: (remark) => void (text += printer.remark(remark)),
    drain: () => Promise.resolve(),
  };
  const batch = batchOf(told);
  const columns = classifiedColumns(BATCH_CAPACITY, { criteria: true });
  new Classifier(library, { fromReset: true }).feed(batch, columns);
  await new Selection(library, {}).pass({ batch, columns }, taker);
  return text;
}

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777);
}

test("NDJSON is imported as the trace it was printed from", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyTrace.filter(({ rows, markers, gaps }) => rows.length + markers.length + gaps.length > 0),
      async (told) => {
        const sink = memorySink();
        const log = await recogniseLog(pieces(await printed(told)));
        const { counts } = await importTrace(log, sink, { info: { ...INFO, clock: log.facts.clock } });
        expect(counts).toMatchObject({ other: 0, malformed: 0 });
        const { rows, markers, gaps } = await read(sink.bytes());
        expect({ rows, markers, gaps }).toEqual(asStored(told, "ns"));
      },
    ),
    { numRuns: 100 },
  );
});
