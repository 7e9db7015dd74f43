import type { Classifier, Library } from "@portrait/classifier";
import { QemuSource, type WatchedGuest } from "@portrait/vmm";
import { UsageError } from "../errors.ts";
import type { QemuAddress } from "../machine/qemu-address.ts";
import { warn, type Session } from "../session.ts";
import { GrowingTrace } from "./growing-trace.ts";

/** A QEMU, and the file a recorder is writing of its guest. */
export interface RecordedQemu {
  readonly from: QemuAddress;
  readonly trace: string | undefined;
}

/** A QEMU's guest that runs, and what a recorder is writing of it. */
export class RecordedGuest implements WatchedGuest<QemuSource> {
  readonly machine: QemuSource;
  readonly #session: Session;
  readonly #trace: GrowingTrace;

  private constructor(session: Session, machine: QemuSource, trace: GrowingTrace) {
    this.machine = machine;
    this.#session = session;
    this.#trace = trace;
  }

  /** Lets `use` have the guest, of which what was recorded so far is known. The guest is not touched. */
  static async with<T>(
    session: Session,
    { from, trace: path }: RecordedQemu,
    use: (guest: RecordedGuest) => Promise<T>,
  ): Promise<T> {
    if (path === undefined) {
      throw new UsageError('say with --trace which file "portrait record --engine qemu" writes of this QEMU');
    }
    const trace = await GrowingTrace.open(session, path);
    try {
      const machine = await QemuSource.connect(from);
      try {
        const guest = new RecordedGuest(session, machine, trace);
        await guest.catchUp();
        return await use(guest);
      } finally {
        machine.close();
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

  /** Gives the classifier everything the guest has done so far. */
  async catchUp(): Promise<void> {
    await this.#trace.readTo(await this.machine.mark());
  }

  /**
   * Stops the guest, with everything it did until then classified, and calls `use`; the guest stays stopped. Where any of this fails,
   * it goes on, and stderr says that, after `failure`.
   */
  async whileStopped<T>(failure: string, use: () => Promise<T>): Promise<T> {
    try {
      await this.machine.stop();
      await this.catchUp();
      return await use();
    } catch (error) {
      const goesOn = await this.machine.resume().then(
        () => `${failure}; the guest goes on on the source`,
        () => `${failure}, and the source does not answer`,
      );
      await warn(this.#session, goesOn);
      throw error;
    }
  }
}
