import type { Look, Stops } from "../../machine.ts";
import { QemuError } from "../errors.ts";
import type { QmpClient } from "../qmp.ts";
import { OutgoingStream } from "./outgoing.ts";
import { stillness, stopQuietly, Tally } from "./pause.ts";
import type { RunningRounds } from "./settings.ts";
import { migrationState, pollUntil, type MigrationState } from "./status.ts";
import { seesEveryWrite } from "./write-tracking.ts";

/** Part of what is left of a round that is taken of the stream before the migration is looked at again, and the least and the most that is, in bytes. */
const BURST_PART = 1 / 4;
const LEAST_BURST = 256 << 10;
const MOST_BURST = 4 << 20;
/** Bytes left of a round at which the guest is stopped, and rounds after which it is stopped however many are left. */
const ENOUGH = 1 << 20;
const ROUND_LIMIT = 10;
/** How many times as many are enough at the least after QEMU was first. */
const EARLIER = 4;
const SETUP_LIMIT_MS = 10_000;

/** How a stream is made, and when its guest is stopped. */
interface Course {
  readonly running: RunningRounds;
  /** Rounds after which the guest may be stopped. */
  readonly least: number;
  /** Bytes left of a round at which it is. */
  readonly enough: number;
  /** Rounds of earlier streams of the same guest, which were cut. */
  readonly roundsBefore: number;
  /** The stops at which it was to leave, in this stream and those. */
  readonly tally: Tally;
}

/** A QEMU's migration stream that takes most of the guest's memory while the guest runs. */
export class PreCopy {
  readonly #qmp: QmpClient;
  readonly #look: Look;
  readonly #course: Course;
  readonly #stream: OutgoingStream;
  readonly #unlisten: () => void;
  #leaving = Promise.resolve();
  #stoppedAt: number;
  #state: MigrationState;
  /** Bytes that were left of the round at the last look after which it went on. */
  #left: number;
  #pending: readonly number[] = [];
  #quiet = false;

  private constructor(
    qmp: QmpClient,
    look: Look,
    course: Course,
    begun: { stoppedAt: number; stream: OutgoingStream; state: MigrationState },
  ) {
    this.#qmp = qmp;
    this.#look = look;
    this.#course = course;
    this.#stream = begun.stream;
    this.#stoppedAt = begun.stoppedAt;
    this.#state = begun.state;
    this.#left = begun.state.remaining;
    this.#unlisten = qmp.onEvent(({ name }) => {
      if (name === "STOP") this.#stoppedAt = performance.now();
    });
  }

  /**
   * Begins, with the running guest stopped, where ports can rebuild it, until it is seen how much is left to send: where that is enough it stays
   * stopped. A guest that runs, and whose memory a socket takes at once, QEMU would stop by itself each time. What QEMU's emulated processors cached of
   * its memory they forget when a migration begins, so that QEMU sees every write from there on.
   * @throws QemuError; what `look` throws
   */
  static async begin(qmp: QmpClient, look: Look): Promise<PreCopy> {
    const many = await seesEveryWrite(qmp);
    const way = many ? ({ running: "many", least: 2 } as const) : ({ running: "one", least: 1 } as const);
    return PreCopy.#open(qmp, look, { ...way, enough: ENOUGH, roundsBefore: 0, tally: new Tally() });
  }

  static async #open(qmp: QmpClient, look: Look, course: Course): Promise<PreCopy> {
    let stoppedAt = 0;
    const stream = await OutgoingStream.open(qmp, course.running, async () => {
      stoppedAt = (await stopQuietly(qmp, look, new Tally())).at;
    });
    try {
      const state = await pollUntil(() => setUp(qmp), "QEMU to begin its migration", SETUP_LIMIT_MS);
      // A guest that fits into the socket has left by now, and stays stopped.
      if (state.status === "active" && state.remaining > course.enough)
        await qmp.execute("cont").catch((error: unknown) => expectRefusal(error));
      return new PreCopy(qmp, look, course, { stoppedAt, stream, state });
    } catch (error) {
      await stream.close();
      throw error;
    }
  }

  /** When the guest was stopped last, as `performance.now()` gives it. */
  get stoppedAt(): number {
    return this.#stoppedAt;
  }

  /** How it was stopped to leave, by QEMU or by us. */
  get stops(): Stops {
    return this.#course.tally.stops;
  }

  /** Once it is {@link quiet}: the interrupts that a plan is to make pending again. */
  get pending(): readonly number[] {
    return this.#pending;
  }

  /** How often memory was gone over, the last time, after the stop, included. */
  get rounds(): number {
    return this.#course.roundsBefore + this.#state.rounds + 1;
  }

  /** Once the {@link memory} has been read: whether ports can rebuild the guest as it is stopped. */
  get quiet(): boolean {
    return this.#quiet;
  }

  /**
   * The stream up to where the guest is stopped. QEMU stops the guest by itself as soon as it sees little left, so the stream is
   * taken bit by bit, and not at all while the guest is being stopped. Where QEMU is first all the same, it may not be {@link quiet}.
   * @throws QemuError BUSY where it never is; what the look throws
   */
  async *memory(): AsyncGenerator<Buffer, void> {
    while (!(await this.#stopped())) {
      const burst = Math.min(MOST_BURST, Math.max(LEAST_BURST, this.#state.remaining * BURST_PART));
      for (let taken = 0; taken < burst;) {
        const chunk = await this.#stream.take();
        if (chunk === undefined) break;
        taken += chunk.length;
        yield chunk;
      }
    }
  }

  /** Ends a migration whose guest is not {@link quiet}, and gives what had come of it. @throws QemuError */
  cut(): AsyncGenerator<Buffer, void> {
    return this.#stream.cut();
  }

  /**
   * Lets the guest go on and begins another stream of it, once this one is closed. The guest is stopped earlier in that, when more is left
   * than was before QEMU was first; at last before any of its memory has left.
   * @throws QemuError; what the look throws
   */
  async again(): Promise<PreCopy> {
    const { rounds } = this.#state;
    // QEMU has let it go on only if it ran when QEMU stopped it; it begins no migration of one that stayed stopped.
    await this.#qmp.execute("cont");
    return PreCopy.#open(this.#qmp, this.#look, {
      ...this.#course,
      least: Math.max(1, rounds - 1),
      enough: Math.max(this.#course.enough * EARLIER, this.#left + MOST_BURST),
      roundsBefore: this.#course.roundsBefore + rounds,
    });
  }

  /** The rest of the stream, its last part once `ready` is fulfilled. @throws QemuError */
  async *rest(ready: Promise<unknown>): AsyncGenerator<Buffer, void> {
    this.#leaving = this.#stream.switchOver(ready);
    this.#leaving.catch(() => undefined);
    yield* this.#stream.rest();
    await this.#leaving;
  }

  /** Fulfilled when QEMU has been told to send the last part of the {@link rest}. */
  get leaving(): Promise<void> {
    return this.#leaving;
  }

  /** Resolves when QEMU says that all has been sent. @throws QemuError where it says otherwise */
  completed(): Promise<void> {
    return this.#stream.completed();
  }

  /** Ends the migration wherever it is; the guest stays as it is. @throws QemuError */
  close(): Promise<void> {
    this.#unlisten();
    return this.#stream.close();
  }

  /** Stops the guest if little is left to send, or finds it stopped by QEMU's own migration. */
  async #stopped(): Promise<boolean> {
    const state = await migrationState(this.#qmp);
    this.#state = state;
    const { least, enough, tally } = this.#course;
    if (state.status === "pre-switchover") {
      const { busy, pending } = await stillness(this.#qmp, this.#look);
      tally.add(busy);
      this.#pending = pending;
      this.#quiet = busy.length === 0;
      return true;
    }
    if (state.status !== "active") throw ended(this.#qmp, state);
    if (state.rounds < least || (state.remaining > enough && state.rounds < ROUND_LIMIT)) {
      this.#left = state.remaining;
      return false;
    }
    try {
      this.#pending = (await stopQuietly(this.#qmp, this.#look, tally)).pending;
      this.#quiet = true;
    } catch (error) {
      expectRefusal(error);
    }
    return this.#quiet;
  }
}

/** The state of a migration that has begun to send memory; undefined before. */
async function setUp(qmp: QmpClient): Promise<MigrationState | undefined> {
  const state = await migrationState(qmp);
  if (state.status === "setup" || (state.status === "active" && state.rounds === 0)) return undefined;
  if (state.status === "active" || state.status === "pre-switchover") return state;
  throw ended(qmp, state);
}

/** QEMU refuses to let a guest go on whose migration has begun to end. */
function expectRefusal(error: unknown): void {
  if (!(error instanceof QemuError && error.code === "COMMAND")) throw error;
}

function ended({ path }: QmpClient, { status, reason = "no reason given" }: MigrationState): QemuError {
  return new QemuError("COMMAND", `${path}: the migration is ${status}: ${reason}`);
}
