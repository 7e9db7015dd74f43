import type { PortTarget } from "@portrait/replayer";
import type { DevicePair, GuestBody, GuestTarget, NetworkCard } from "../../machine.ts";
import { MigrationError } from "../../migration/errors.ts";
import { isTimeout, QemuError } from "../errors.ts";
import { qemuDeviations } from "../deviations.ts";
import { QmpClient } from "../qmp.ts";
import { QtestTarget } from "../qtest-target.ts";
import { StreamError } from "../stream/errors.ts";
import { isDevice } from "../stream/kept-sections.ts";
import { rehearseSections } from "../stream/rehearsal.ts";
import type { StreamSection } from "../stream/section.ts";
import { readTail } from "../stream/tail.ts";
import { DeviceLayout } from "../stream/device-layout.ts";
import { dumpDevices, dumpState } from "../device-dump.ts";
import { hasImages } from "./images.ts";
import { feedIncoming } from "./incoming.ts";
import { installedCards } from "./installed-cards.ts";
import { requestBits } from "./interrupts.ts";
import { memorySize } from "./memory-size.ts";
import { NetworkCards } from "./network-cards.ts";
import { pollUntil, runState } from "./status.ts";
import { QEMU, versionText } from "./version.ts";

const LOAD_LIMIT_MS = 30_000;
/** Disks are taken over when the guest begins to run, and not when it has arrived: until then its source may keep it. */
const DISKS_WHEN_IT_RUNS = { capability: "late-block-activate", state: true };

/** Sockets of a QEMU that waits for a guest. */
export interface QemuTargetSockets {
  /** Path of its QMP socket. */
  readonly qmp: string;
  /** Path of its qtest socket. */
  readonly qtest: string;
}

/** What a QEMU said of its machine. */
type Found = Pick<QemuTarget, "memorySize" | "networkCards"> & { readonly cards: NetworkCards };

/** A QEMU that waits for a guest: the same command line as the source's, with `-incoming defer` and a qtest socket. */
export class QemuTarget implements GuestTarget {
  readonly engine = QEMU;
  readonly engineVersion: string;
  readonly memorySize: number;
  readonly networkCards: readonly NetworkCard[];
  readonly accessCount = 0;
  readonly deviations = qemuDeviations;
  readonly pendingFields = requestBits;
  readonly #qmp: QmpClient;
  readonly #qtest: QtestTarget;
  readonly #cards: NetworkCards;
  #touched = false;
  #hasImages = false;

  private constructor(qmp: QmpClient, qtest: QtestTarget, found: Found) {
    this.engineVersion = versionText(qmp.version);
    this.memorySize = found.memorySize;
    this.networkCards = found.networkCards;
    this.#qmp = qmp;
    this.#qtest = qtest;
    this.#cards = found.cards;
  }

  get ports(): PortTarget {
    return this.#qtest;
  }

  /** Connects, and makes sure that it waits for a guest. @throws QemuError, MigrationError MISMATCH */
  static async connect(sockets: QemuTargetSockets): Promise<QemuTarget> {
    const qmp = await QmpClient.connect(sockets.qmp);
    try {
      const state = await runState(qmp);
      if (state !== "inmigrate") {
        const reason = `${sockets.qmp}: this QEMU is ${state}, it does not wait for a guest; start it with -S -incoming defer`;
        throw new MigrationError("MISMATCH", reason);
      }
      const found = {
        memorySize: await memorySize(qmp),
        networkCards: await installedCards(qmp),
        cards: await NetworkCards.find(qmp),
      };
      return new QemuTarget(qmp, await QtestTarget.connect(sockets.qtest), found);
    } catch (error) {
      qmp.close();
      throw error;
    }
  }

  async restore(body: GuestBody): Promise<void> {
    this.#touched = true;
    // Before a guest is there, this keeps QEMU from starting it on arrival, as -S does.
    await this.#qmp.execute("stop");
    await this.#qmp.execute("migrate-set-capabilities", { capabilities: [DISKS_WHEN_IT_RUNS] });
    await this.#cards.unplug();
    this.#hasImages = await hasImages(this.#qmp);
    let cause: unknown;
    await feedIncoming(this.#qmp, bytesOf(body)).catch((error: unknown) => {
      if (error instanceof MigrationError || isTimeout(error)) throw error;
      cause = error;
    });
    try {
      await pollUntil(() => this.#loaded(), "QEMU to take the guest over", LOAD_LIMIT_MS);
    } catch (error) {
      if (!(error instanceof QemuError && error.code === "CLOSED")) throw error;
      const reason = `QEMU ended while it loaded the guest; what it printed says why. Its command line must be the source's, with -S -incoming defer`;
      throw new MigrationError("MISMATCH", reason, { cause: cause ?? error });
    }
    if (cause !== undefined) throw cause;
  }

  async #loaded(): Promise<true | undefined> {
    return (await runState(this.#qmp)) === "inmigrate" ? undefined : true;
  }

  /**
   * Reads the source's device sections. What it gives finds those that differ from this QEMU's own; the guest stays stopped.
   * @throws StreamError; later QemuError, StreamError
   */
  readDump(dump: Uint8Array): () => Promise<readonly DevicePair[]> {
    const { sections, description } = readTail(Buffer.from(dump.buffer, dump.byteOffset, dump.byteLength), 0);
    const layout = new DeviceLayout();
    layout.learn(description);
    return () => this.#besideOwn(sections, layout);
  }

  rehearse(): readonly DevicePair[] {
    const { source, destination } = rehearseSections();
    return pairsOf(source, destination);
  }

  async #besideOwn(theirs: readonly StreamSection[], layout: DeviceLayout): Promise<readonly DevicePair[]> {
    // What a card knows of its cable is compared as well.
    await this.#cards.plug();
    return pairsOf(theirs, await this.#ownSections(theirs, layout));
  }

  /** A QEMU that does not have its images yet cannot write a whole stream: version 7.2 ends itself where it should give them up. */
  async #ownSections(theirs: readonly StreamSection[], layout: DeviceLayout): Promise<readonly StreamSection[]> {
    if (layout.sections === undefined || !this.#hasImages)
      return (await dumpDevices(this.#qmp, layout, theirs)).sections;
    return dumpState(this.#qmp, layout.sections, theirs).catch((cause: unknown) => {
      if (!(cause instanceof StreamError)) throw cause;
      const reason = `the device state after the plan has other parts than the source's: ${cause.message}`;
      throw new MigrationError("VERIFY", reason, { cause });
    });
  }

  async begin(): Promise<void> {
    await this.#cards.plug();
    try {
      await this.#qmp.execute("cont");
    } catch (cause) {
      if (!(cause instanceof QemuError && cause.code === "COMMAND")) throw cause;
      throw new MigrationError("MISMATCH", cause.message, { cause });
    }
    await this.#cards.announce();
  }

  /** Ends the connections; QEMU goes on. */
  close(): void {
    this.#qtest.close();
    this.#qmp.close();
  }

  /** Ends QEMU if it has anything of a guest, so that a guest that stayed at its source cannot be run here as well. */
  async destroy(): Promise<void> {
    if (this.#touched) await this.#qmp.execute("quit").catch(() => undefined);
    this.close();
  }
}

async function* bytesOf(body: GuestBody): AsyncGenerator<Uint8Array, void> {
  for await (const { kind, parts } of body) {
    if (kind !== "stream") throw new MigrationError("FORMAT", "the guest's memory comes in another engine's form");
    yield* parts;
  }
}

function pairsOf(theirs: readonly StreamSection[], own: readonly StreamSection[]): readonly DevicePair[] {
  const named = (sections: readonly StreamSection[]) =>
    new Map(sections.filter(isDevice).map((section) => [`${section.name}[${section.instance}]`, section]));
  const [source, destination] = [named(theirs), named(own)];
  return Array.from(new Set([...source.keys(), ...destination.keys()]), (device) =>
    pairOf(device, source.get(device), destination.get(device)),
  );
}

function pairOf(device: string, source: StreamSection | undefined, destination: StreamSection | undefined): DevicePair {
  if (source !== undefined && source === destination) {
    return { device, source: [], destination: [], alike: source.fieldCount };
  }
  return { device, source: source?.fields ?? [], destination: destination?.fields ?? [], alike: 0 };
}
