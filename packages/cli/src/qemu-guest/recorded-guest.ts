import type { Classifier, Library } from "@portrait/classifier";
import {
  lookAtStopped,
  MigrationError,
  QemuSource,
  QmpClient,
  type BodyPiece,
  type GuestBody,
  type LiveGuest,
  type LiveSource,
  type GuestSource,
  type WatchedGuest,
} from "@portrait/vmm";
import type { QemuAddress } from "../machine/qemu-address.ts";
import { checkInterrupted, warn, type Session } from "../session.ts";
import { GrowingTrace } from "./growing-trace.ts";
import { recordedHere } from "./own-recording.ts";

/** How often a trace is read on while its guest runs and its memory leaves. */
const READ_ON_MS = 10;

/** A QEMU, and the file a recorder is writing of its guest. */
export interface RecordedQemu {
  readonly from: QemuAddress;
  readonly trace: string;
  /** Milliseconds for which this process records the guest before it is used, into a new file; undefined: another one does. */
  readonly recordMs?: number;
}

/** A QEMU's guest that runs, and what a recorder is writing of it. */
export class RecordedGuest implements LiveGuest {
  readonly machine: QemuSource;
  readonly #session: Session;
  readonly #trace: GrowingTrace;

  private constructor(session: Session, machine: QemuSource, trace: GrowingTrace) {
    this.machine = machine;
    this.#session = session;
    this.#trace = trace;
  }

  /** Lets `use` have the guest, of which what was recorded so far is known. The guest is not touched. */
  static async with<T>(session: Session, qemu: RecordedQemu, use: (guest: RecordedGuest) => Promise<T>): Promise<T> {
    const { from, trace, recordMs } = qemu;
    const client = await QmpClient.connect(from.qmp);
    try {
      const useIt = () => RecordedGuest.#over(session, client, qemu, use);
      return recordMs === undefined ? await useIt() : await recordedHere(session, { client, trace, recordMs }, useIt);
    } finally {
      client.close();
    }
  }

  static async #over<T>(
    session: Session,
    client: QmpClient,
    { from, trace: path }: RecordedQemu,
    use: (guest: RecordedGuest) => Promise<T>,
  ): Promise<T> {
    const trace = await GrowingTrace.open(session, path);
    try {
      const machine = await QemuSource.over(client, from.qtest);
      try {
        const guest = new RecordedGuest(session, machine, trace);
        await guest.catchUp();
        return await use(guest);
      } finally {
        await machine.close();
      }
    } finally {
      await trace.close();
    }
  }

  get classifier(): Classifier {
    return this.#trace.classifier;
  }

  get library(): Library {
    return this.#trace.trace.library;
  }

  get name(): string {
    return this.#trace.trace.reader.info.machine.guest;
  }

  memoryMapped(): readonly string[] {
    return this.#trace.memoryMapped;
  }

  /** Gives the classifier everything the guest has done so far. */
  async catchUp(): Promise<void> {
    await this.#trace.readTo(await this.machine.mark());
  }

  /**
   * Stops the guest and lets `use` have it, with everything it did until then classified; it stays stopped. Where any of this
   * fails, also because of Ctrl-C, it goes on, and stderr says that, after `failure`.
   */
  whileStopped<T>(failure: string, use: (guest: WatchedGuest<GuestSource>) => Promise<T>): Promise<T> {
    return this.#orGoOn(failure, async () => {
      await this.machine.stop((irqs) => lookAtStopped(this, irqs));
      return use(this.#interruptible());
    });
  }

  /** As {@link whileStopped}, but it is `use` that stops the guest, once most of its memory has left. */
  whileRunning<T>(failure: string, use: (guest: LiveGuest) => Promise<T>): Promise<T> {
    return this.#orGoOn(failure, () => use({ ...this.#interruptible(), catchUp: () => this.catchUp() }));
  }

  /** This guest, on a machine of which nothing more leaves once Ctrl-C was pressed. */
  #interruptible(): WatchedGuest<LiveSource> {
    const { classifier, name } = this;
    const machine = interruptible(this.#session, this.machine, (pieces) => this.#readingOn(pieces));
    return { machine, classifier, name, memoryMapped: () => this.memoryMapped() };
  }

  /** The pieces, between which the trace is read on, so that little of it is left to be read once the guest stands still. */
  async *#readingOn(pieces: AsyncIterable<BodyPiece>): AsyncGenerator<BodyPiece, void> {
    let readAt = performance.now();
    for await (const piece of pieces) {
      yield piece;
      if (performance.now() - readAt < READ_ON_MS) continue;
      await this.#trace.readOn();
      readAt = performance.now();
    }
  }

  async #orGoOn<T>(failure: string, use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } catch (error) {
      if (error instanceof MigrationError && error.code === "GIVEN_UP") throw error;
      const goesOn = await this.machine.resume().then(
        () => `${failure}; the guest goes on on the source`,
        () =>
          `${failure}, and the source does not answer; once it does, its guest may need to be told to go on ("cont")`,
      );
      await warn(this.#session, goesOn);
      throw error;
    }
  }
}

/** The machine, of which nothing more leaves once Ctrl-C was pressed. What leaves while its guest runs goes through `whileItRuns`. */
function interruptible(
  session: Session,
  machine: QemuSource,
  whileItRuns: (pieces: AsyncIterable<BodyPiece>) => AsyncIterable<BodyPiece>,
): LiveSource {
  async function* checked(pieces: GuestBody): AsyncGenerator<BodyPiece, void> {
    for await (const piece of pieces) {
      checkInterrupted(session);
      yield piece;
    }
  }
  const { engine, engineVersion, memorySize, networkCards, ports } = machine;
  return {
    ...{ engine, engineVersion, memorySize, networkCards, ports },
    ahead: (look) => checked(whileItRuns(machine.ahead(look))),
    body: (registersRead) => checked(machine.body(registersRead)),
    deviceDump: () => machine.deviceDump(),
    get stoppedAt() {
      return machine.stoppedAt;
    },
    get leaving() {
      return machine.leaving;
    },
    get stops() {
      return machine.stops;
    },
    get pending() {
      return machine.pending;
    },
    get rounds() {
      return machine.rounds;
    },
  };
}
