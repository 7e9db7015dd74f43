import { join } from "node:path";
import { builtinDescriptions, Classifier, loadLibrary } from "@portrait/classifier";
import {
  busyDevices,
  carryOut,
  interruptsToRepeat,
  makePlan,
  readSource,
  type BusyDevice,
  type Plan,
} from "@portrait/replayer";
import { BatchBuilder, opOf, type Direction, type Width } from "@portrait/tracer";
import { allowancesFor, compareDevices, QmpClient, QtestTarget, type DeviceComparison } from "../../src/index.ts";
import type { DeviceField } from "../../src/machine.ts";
import { qemuDeviations } from "../../src/qemu/deviations.ts";
import { requestBits } from "../../src/qemu/migration/interrupts.ts";
import { outgoingStream } from "../../src/qemu/migration/outgoing.ts";
import { isDevice } from "../../src/qemu/stream/kept-sections.ts";
import { StreamScanner } from "../../src/qemu/stream/stream-scanner.ts";
import { startQemu } from "./qemu-process.ts";

/** One access a guest might make: `["out", 0x1f7, 0xec]`, `["in", 0x1f7]`; 8 bits wide unless said otherwise. */
export type PairRow =
  | readonly [direction: "out", port: number, value: number, width?: Width]
  | readonly [direction: "in", port: number, value?: undefined, width?: Width];

/** What became of a sequence on two QEMUs. */
export interface PairResult {
  readonly plan: Plan;
  /** Devices of the source's that a guest would have to wait for. */
  readonly busy: readonly BusyDevice[];
  /** What the rows read at the source, in order. */
  readonly read: readonly number[];
  readonly comparison: DeviceComparison;
  /** Fields of the source's dump. */
  readonly source: ReadonlyMap<string, DeviceField["value"]>;
}

const library = loadLibrary(builtinDescriptions(), { aliases: false });
const operation = ([direction, port, value = 0, width = 8]: PairRow) => ({ direction, port, value, width }) as const;

/** A paused QEMU of this kind that has never run. */
async function startPaused(command: string, options: readonly string[]) {
  const qemu = await startQemu(command, [
    ...["-machine", "pc", "-m", "16", "-nodefaults", "-S"],
    ...["-qtest", "unix:FOLDER/qtest,server=on,wait=off", "-qtest-log", "none"],
    ...options,
  ]);
  const qmp = await QmpClient.connect(qemu.qmp);
  const ports = await QtestTarget.connect(join(qemu.folder, "qtest"));
  const end = () => {
    ports.close();
    qmp.close();
    qemu.process.kill("SIGKILL");
  };
  return { qmp, ports, end };
}

async function fieldsOf(qmp: QmpClient): Promise<readonly DeviceField[]> {
  const scanner = new StreamScanner();
  for await (const chunk of outgoingStream(qmp)) scanner.push(chunk);
  return scanner
    .end()
    .sections.filter(isDevice)
    .flatMap(({ fields }) => fields);
}

/** How the other QEMU is built and looked at. */
interface PairOptions {
  /** Whether readable registers are read at the source before the plan is made, as a migration does. */
  readonly readBack?: boolean;
  /** Interrupts that are pending, and that the plan is to make so again. */
  readonly irqs?: readonly number[];
  /** Is given the other one when it has been compared. */
  readonly look?: (other: QmpClient) => Promise<void>;
}

/** Makes the accesses on one QEMU, brings another to the same state by the plan made of them, and compares all their device fields. */
export async function onTwoQemus(
  command: string,
  options: readonly string[],
  rows: readonly PairRow[],
  { readBack = true, irqs = [], look }: PairOptions = {},
): Promise<PairResult> {
  const a = await startPaused(command, options);
  const b = await startPaused(command, options);
  const answers: number[] = [];
  // One by one: what a device does by itself happens between accesses that come apart.
  for (const row of rows) answers.push(...(await a.ports.perform([operation(row)])));
  const classifier = new Classifier(library, { fromReset: true });
  const builder = new BatchBuilder((batch) => classifier.feed(batch));
  rows.forEach(([direction, port, value, width = 8], i) => {
    const op = opOf(direction satisfies Direction, width);
    builder.push(0, port, op, direction === "out" ? value : (answers[i] ?? 0));
  });
  builder.flush();
  const interrupts = await interruptsToRepeat(classifier, a.ports, irqs);
  if (readBack) await readSource(classifier, a.ports);
  const plan = makePlan(classifier, interrupts);
  const busy = await busyDevices(classifier, a.ports, "guest", irqs);
  const source = await fieldsOf(a.qmp);
  await carryOut(plan.steps, b.ports);
  const comparison = compareDevices(source, await fieldsOf(b.qmp), [
    ...requestBits(irqs),
    ...allowancesFor(library, "qemu", qemuDeviations, "plan"),
  ]);
  await look?.(b.qmp);
  for (const one of [a, b]) one.end();
  const read = answers.filter((_, i) => rows[i]?.[0] === "in");
  return { plan, busy, read, comparison, source: new Map(source.map(({ path, value }) => [path, value])) };
}
