import { builtinDescriptions, Classifier, loadLibrary, type Library } from "@portrait/classifier";
import { makePlan } from "@portrait/replayer";
import {
  accessAt,
  bufferSource,
  TraceReader,
  TraceWriter,
  type Access,
  type AccessBatch,
  type ByteSink,
  type TraceInfo,
} from "@portrait/tracer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RotatingTrace, TraceRing } from "../src/index.ts";
import { batchOf, type PortAccess } from "../src/fuzz/accesses.ts";
import { sequences } from "./law/device-group.ts";
import { chipset, deviceGroups } from "./law/groups/all.ts";

const LIBRARY = loadLibrary(builtinDescriptions(), { aliases: false });
const INFO: TraceInfo = {
  clock: "ns",
  startedAt: undefined,
  machine: { engine: "test", engineVersion: "1", guest: "", host: "", decodesAliases: false },
  command: [],
  fromReset: true,
  ports: [],
  descriptions: [],
};

function memory() {
  const pieces: Uint8Array[] = [];
  const sink: ByteSink = { write: (bytes) => Promise.resolve(void pieces.push(Uint8Array.from(bytes))) };
  return { sink, bytes: () => Buffer.concat(pieces) };
}

const fresh = (fromReset = true, library: Library = LIBRARY) => new Classifier(library, { fromReset });

/** Rows `from` to before `to`. */
function rows(batch: AccessBatch, from: number, to: number): AccessBatch {
  return {
    ...batch,
    firstSeq: batch.firstSeq + from,
    length: to - from,
    time: batch.time.slice(from, to),
    port: batch.port.slice(from, to),
    op: batch.op.slice(from, to),
    value: batch.value.slice(from, to),
    vcpu: batch.vcpu.slice(from, to),
    markers: [],
  };
}

/** What a trace file says, read as every command reads it. */
async function readTrace(bytes: Uint8Array, library: Library = LIBRARY) {
  const reader = await TraceReader.open(bufferSource(bytes));
  const classifier = fresh(reader.info.fromReset, library);
  const accesses: Access[] = [];
  for await (const batch of reader.batches()) {
    classifier.feed(batch);
    for (let row = 0; row < batch.length; row++) accesses.push(accessAt(batch, row));
  }
  return { classifier, accesses, problems: reader.problems, info: reader.info };
}

/** All that is known, and what follows from it. */
const knowledge = (classifier: Classifier) => ({
  states: classifier.states.map(({ instance, touched, selectors, slots }) => ({
    name: instance.name,
    touched,
    selectors: [...selectors],
    slots: instance.device.slots.map((slot) =>
      slot.key.length === 0 ? slots.content(slot, 0) : [slots.rest(slot), [...slots.keys(slot)]],
    ),
  })),
  plan: makePlan(classifier),
  accesses: classifier.accesses,
  nextSeq: classifier.nextSeq,
});

/** A trace of the accesses from `cut` on that begins with what was known there. */
async function anchored(accesses: readonly PortAccess[], cut: number): Promise<Buffer> {
  const batch = batchOf(accesses);
  const before = fresh();
  before.feed(rows(batch, 0, cut));
  const { sink, bytes } = memory();
  const writer = new TraceWriter(sink, { ...INFO, fromReset: false });
  await writer.write({ ...rows(batch, cut, accesses.length), anchor: before.anchor() });
  await writer.close();
  return bytes();
}

describe("what is known from an anchor on", () => {
  test.for([...deviceGroups, chipset])(
    "is what is known from the whole trace, and the plan too: $name",
    async (group) => {
      await fc.assert(
        fc.asyncProperty(sequences(group), fc.nat(), async (sequence, at) => {
          const accesses = [...group.prefix, ...sequence];
          const whole = fresh();
          whole.feed(rows(batchOf(accesses), 0, accesses.length));
          const { classifier } = await readTrace(await anchored(accesses, at % (accesses.length + 1)));
          expect(knowledge(classifier)).toEqual(knowledge(whole));
        }),
        { numRuns: 60 },
      );
    },
  );

  const ICWS = [0x11, 0x20, 0x04, 0x01].map((value, i): PortAccess => {
    return { direction: "out", port: i === 0 ? 0x20 : 0x21, value, width: 8 };
  });

  test("is unknown of a device whose description is another one, and known of the others", async () => {
    const sources = builtinDescriptions().map(({ file, text }) => ({
      file,
      text: file === "i8259.yaml" ? text.replaceAll("ICW2", "WORD2") : text,
    }));
    const other = loadLibrary(sources, { aliases: false });
    const lcr: PortAccess = { direction: "out", port: 0x3fb, value: 0x03, width: 8 };
    const { classifier } = await readTrace(await anchored([...ICWS, lcr], 5), other);
    const statusOf = (name: string) => {
      const state = classifier.states.find(({ instance }) => instance.name === name);
      return state?.instance.device.slots.map((slot) => state.slots.rest(slot).status === "unknown");
    };
    expect(statusOf("pic1")).not.toContain(false);
    expect(statusOf("com1")).not.toContain(true);
  });

  test.each(["", "{", "null", '{"version":2}', '{"version":1,"accesses":0,"instances":[{"name":"pic1"}]}'])(
    "is nothing where the anchor is %j",
    (anchor) => {
      const classifier = fresh();
      const batch = batchOf(ICWS);
      classifier.feed({ ...rows(batch, 4, 4), anchor });
      expect(makePlan(classifier).unknown.length).toBeGreaterThan(0);
    },
  );

  test("is never anything but known or unknown, whatever an anchor says", () => {
    const before = fresh();
    before.feed(rows(batchOf(ICWS), 0, 4));
    const text = before.anchor();
    fc.assert(
      fc.property(fc.nat(text.length), fc.string(), fc.nat(5), (at, noise, cut) => {
        const classifier = fresh();
        const anchor = text.slice(0, at) + noise + text.slice(at + cut);
        classifier.feed({ ...rows(batchOf(ICWS), 0, 4), anchor });
        makePlan(classifier);
      }),
      { numRuns: 200 },
    );
  });
});

/** A guest that sets devices up once, then does the same for ever: `count` accesses, 1 µs apart, in batches. */
function* endless(count: number): Generator<AccessBatch> {
  const SIZE = 4096;
  const setup: [number, number][] = [
    [0x20, 0x11],
    [0x21, 0x30],
    [0x21, 0x04],
    [0x21, 0x01],
    [0x43, 0x34],
    [0x40, 0xa9],
    [0x40, 0x04],
    [0x3fb, 0x83],
  ];
  for (let firstSeq = 0; firstSeq < count; firstSeq += SIZE) {
    const length = Math.min(SIZE, count - firstSeq);
    const row = (i: number): [number, number] =>
      setup[firstSeq + i] ?? [0x20, (Math.imul(firstSeq + i, 2_654_435_761) >>> 24) | 0x20];
    const pairs = Array.from({ length }, (_, i) => row(i));
    yield {
      firstSeq,
      length,
      time: Float64Array.from(pairs, (_, i) => (firstSeq + i) * 1000),
      port: Uint16Array.from(pairs, ([port]) => port),
      op: new Uint8Array(length).fill(1),
      value: Uint32Array.from(pairs, ([, value]) => value),
      vcpu: new Uint16Array(length),
      strings: [],
      markers: [],
      gaps: [],
    };
  }
}

describe("a ring", () => {
  test("that has room for all is the whole trace", async () => {
    const ring = new TraceRing(INFO, 1 << 20, fresh());
    for (const batch of endless(20_000)) await ring.write(batch);
    const { sink, bytes } = memory();
    await ring.save(sink);
    const { accesses, info, problems } = await readTrace(bytes());
    expect(accesses.length).toBe(20_000);
    expect(info).toEqual(INFO);
    expect(problems).toEqual([]);
  });

  test("keeps to its limit over 300,000 accesses, has the newest with their numbers and times, and plans as the whole trace", async () => {
    const [count, limit] = [300_000, 30_000];
    const ring = new TraceRing(INFO, limit, fresh());
    const whole = fresh();
    const { sink, bytes } = memory();
    for (const batch of endless(count)) {
      await ring.write(batch);
      whole.feed(batch);
      expect(ring.bytes).toBeLessThanOrEqual(limit);
      if (batch.firstSeq === 4096 * 100) await ring.save(memory().sink);
    }
    await ring.save(sink);
    const { accesses, classifier, info, problems } = await readTrace(bytes());
    expect(problems).toEqual([]);
    expect(info.fromReset).toBe(false);
    // What is beside the chunks: the header, the anchor, the index.
    expect(bytes().length).toBeLessThan(limit + 20_000);
    const first = accesses[0]?.seq ?? 0;
    expect(first).toBeGreaterThan(0);
    expect(accesses.length).toBe(count - first);
    expect(accesses.every(({ seq }, i) => seq === first + i)).toBe(true);
    expect(accesses.every(({ seq, time }) => time === seq * 1000)).toBe(true);
    expect(knowledge(classifier)).toEqual(knowledge(whole));
    expect(makePlan(classifier).unknown).toEqual(makePlan(whole).unknown);
  });

  test("that lost something knows no more than the whole trace does", async () => {
    const ring = new TraceRing(INFO, 1, fresh());
    const whole = fresh();
    for (const batch of endless(60_000)) {
      const one =
        batch.firstSeq === 4096 ? { ...batch, gaps: [{ index: 7, time: 0, reason: "full", lost: 3 }] } : batch;
      await ring.write(one);
      whole.feed(one);
    }
    const { sink, bytes } = memory();
    await ring.save(sink);
    expect(knowledge((await readTrace(bytes())).classifier)).toEqual(knowledge(whole));
  });
});

describe("a trace in parts", () => {
  async function inParts(limit: number, count: number) {
    const files: { bytes: () => Buffer; sealed: boolean }[] = [];
    const trace = new RotatingTrace(INFO, { kind: "bytes", bytes: limit }, fresh(), (part) => {
      const { sink, bytes } = memory();
      const file = { bytes, sealed: false };
      files[part] = file;
      return Promise.resolve({ sink, seal: () => Promise.resolve(void (file.sealed = true)) });
    });
    await trace.opened();
    const pending: Promise<void>[] = [];
    // Nobody waits for one batch before the next comes.
    for (const batch of endless(count)) pending.push(trace.write(batch), trace.flush());
    await Promise.all(pending);
    await trace.close();
    await trace.seal();
    return files;
  }

  test("has every access once, in order, and every part is whole", async () => {
    const files = await inParts(1, 50_000);
    expect(files.length).toBeGreaterThan(3);
    expect(files.every(({ sealed }) => sealed)).toBe(true);
    const parts = await Promise.all(files.map(({ bytes }) => readTrace(bytes())));
    expect(parts.every(({ problems }) => problems.length === 0)).toBe(true);
    expect(parts.flatMap(({ accesses }) => accesses.map(({ seq }) => seq))).toEqual(
      Array.from({ length: 50_000 }, (_, i) => i),
    );
  });

  test("is as complete at the end of each part as the whole trace there", async () => {
    const whole = fresh();
    const known = new Map<number, ReturnType<typeof knowledge>>();
    for (const batch of endless(30_000)) {
      whole.feed(batch);
      known.set(batch.firstSeq + batch.length, knowledge(whole));
    }
    for (const { bytes } of await inParts(1, 30_000)) {
      const { classifier } = await readTrace(bytes());
      expect(knowledge(classifier)).toEqual(known.get(classifier.nextSeq));
    }
  });
});
