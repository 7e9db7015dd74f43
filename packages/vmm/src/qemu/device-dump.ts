import { mkdtempSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QemuError } from "./errors.ts";
import { outgoingStream } from "./migration/outgoing.ts";
import type { QmpClient } from "./qmp.ts";
import type { SectionDescription } from "./stream/description.ts";
import type { DeviceLayout } from "./stream/device-layout.ts";
import { readDeviceState } from "./stream/device-state.ts";
import { StreamError } from "./stream/errors.ts";
import { StreamScanner } from "./stream/stream-scanner.ts";
import type { StreamSection } from "./stream/section.ts";

/** A stopped QEMU's device sections, and how they were had. */
export interface DeviceDump {
  readonly sections: readonly StreamSection[];
  /**
   * `state`: QEMU wrote its devices only, in a millisecond, and nothing changed by it. `stream`: from a whole migration stream, after
   * which QEMU holds the guest for one that has left: it writes no other stream, and its disks are closed, until it runs or is reset.
   */
  readonly by: "state" | "stream";
}

/**
 * Has a stopped QEMU write its devices only, and reads that by the description of others' streams, from which sections that are as in `known` are taken.
 * @throws QemuError; StreamError where the description is not one of it
 */
export async function dumpState(
  qmp: QmpClient,
  description: readonly SectionDescription[],
  known?: readonly StreamSection[],
): Promise<readonly StreamSection[]> {
  return readDeviceState(await writeState(qmp), description, known);
}

async function writeState(qmp: QmpClient): Promise<Buffer> {
  // A guest stands still meanwhile, and a small file is had in a tenth of the time where nothing is waited for. Only this user reaches the folder.
  const folder = mkdtempSync(join(tmpdir(), "portrait-state-"));
  const filename = join(folder, "state");
  try {
    // live: with false, QEMU keeps its disks.
    await qmp.execute("xen-save-devices-state", { filename, live: false });
    return readFileSync(filename);
  } finally {
    rmSync(filename, { force: true });
    rmdirSync(folder);
  }
}

/**
 * Has a stopped QEMU write its device state. Where `layout` does not tell how to read it, a whole migration stream is taken, and
 * `layout` learns from it. Sections that are as in `known` are taken from there.
 * @throws QemuError, StreamError
 */
export async function dumpDevices(
  qmp: QmpClient,
  layout: DeviceLayout,
  known?: readonly StreamSection[],
): Promise<DeviceDump> {
  const sections = layout.sections === undefined ? undefined : await readState(qmp, layout, known);
  return sections === undefined ? { sections: await readStream(qmp, layout), by: "stream" } : { sections, by: "state" };
}

/** Undefined where QEMU does not write its device state, or it is laid out in no known way. */
async function readState(
  qmp: QmpClient,
  layout: DeviceLayout,
  known: readonly StreamSection[] | undefined,
): Promise<readonly StreamSection[] | undefined> {
  const state = await writeState(qmp).catch((error: unknown) => {
    if (error instanceof QemuError && error.code === "COMMAND") return undefined;
    throw error;
  });
  if (state === undefined) return undefined;
  for (const description of layout.all) {
    try {
      return readDeviceState(state, description, known);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
    }
  }
  return undefined;
}

async function readStream(qmp: QmpClient, layout: DeviceLayout): Promise<readonly StreamSection[]> {
  const scanner = new StreamScanner();
  for await (const chunk of outgoingStream(qmp)) scanner.push(chunk);
  const { sections, description } = scanner.end();
  layout.learn(description);
  return sections;
}
