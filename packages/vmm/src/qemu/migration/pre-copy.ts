import type { Look, Stops } from "../../machine.ts";
import { QemuError } from "../errors.ts";
import type { QmpClient } from "../qmp.ts";
import { OutgoingStream } from "./outgoing.ts";
import { busyWhereItStands, stopQuietly, type QuietStop } from "./pause.ts";
import type { RunningRounds } from "./settings.ts";
import { migrationState, pollUntil, type MigrationState } from "./status.ts";
import { seesEveryWrite } from "./write-tracking.ts";

/** Part of what is left of a round that is taken of the stream before the migration is looked at again, and the least that is, in bytes. */
const BURST_PART = 1 / 4;
const LEAST_BURST = 256 << 10;
/** Bytes left of a round at which the guest is stopped, and rounds after which it is stopped however many are left. */
const ENOUGH = 1 << 20;
const ROUND_LIMIT = 10;
const SETUP_LIMIT_MS = 10_000;

/** A QEMU's migration stream that takes most of the guest's memory while the guest runs. */
export class PreCopy {
  readonly #qmp: QmpClient;
  readonly #look: Look;
  readonly #stream: OutgoingStream;
  /** Rounds after which the guest may be stopped. */
  readonly #least: number;
  readonly #unlisten: () => void;
  #leaving = Promise.resolve();
  #stoppedAt: number;
  #stops: Stops;
  #state: MigrationState;

  private constructor(
    qmp: QmpClient,
    look: Look,
    begun: QuietStop & { stream: OutgoingStream; least: number; state: MigrationState },
  ) {
    this.#qmp = qmp;
    this.#look = look;
    this.#stream = begun.stream;
    this.#least = begun.least;
    this.#stoppedAt = begun.stoppedAt;
    this.#stops = begun.stops;
    this.#state = begun.state;
    this.#unlisten = qmp.onEvent(({ name }) => {
      if (name === "STOP") this.#stoppedAt = performance.now();
    });
  }

  /**
   * Begins, with the running guest stopped for a moment: what QEMU's processors cached of its memory is gone when it goes on, so that
   * QEMU sees every write from there on.
   * @throws QemuError; what `look` throws
   */
  static async begin(qmp: QmpClient, look: Look): Promise<PreCopy> {
    const rounds: RunningRounds = (await seesEveryWrite(qmp)) ? "many" : "one";
    let stop: QuietStop = { stoppedAt: 0, stops: { count: 0, busy: [] } };
    const stream = await OutgoingStream.open(qmp, rounds, async () => {
      stop = await stopQuietly(qmp, look);
    });
    try {
      const state = await pollUntil(() => setUp(qmp), "QEMU to begin its migration", SETUP_LIMIT_MS);
      // A guest that fits into the socket has left by now, and stays stopped.
      if (state.status === "active") await qmp.execute("cont").catch((error: unknown) => expectRefusal(error));
      return new PreCopy(qmp, look, { ...stop, stream, least: rounds === "many" ? 2 : 1, state });
    } catch (error) {
      await stream.close();
      throw error;
    }
  }

  /** When the guest was stopped last, as `performance.now()` gives it. */
  get stoppedAt(): number {
    return this.#stoppedAt;
  }

  /** How it was stopped last. */
  get stops(): Stops {
    return this.#stops;
  }

  /** How often memory was gone over, the last time, after the stop, included. */
  get rounds(): number {
    return this.#state.rounds + 1;
  }

  /**
   * The stream up to where the guest is stopped. QEMU stops the guest by itself as soon as it sees little left, so the stream is
   * taken bit by bit, and not at all while the guest is being stopped.
   * @throws QemuError BUSY where it is never quiet, or QEMU was first and did not find it so; what the look throws
   */
  async *memory(): AsyncGenerator<Buffer, void> {
    while (!(await this.#stopped())) {
      const burst = Math.max(LEAST_BURST, this.#state.remaining * BURST_PART);
      for (let taken = 0; taken < burst;) {
        const chunk = await this.#stream.take();
        if (chunk === undefined) break;
        taken += chunk.length;
        yield chunk;
      }
    }
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
    if (state.status === "pre-switchover") {
      if ((await busyWhereItStands(this.#qmp, this.#look)).length === 0) return true;
      throw this.#gotAhead();
    }
    if (state.status !== "active") throw ended(this.#qmp, state);
    if (state.rounds < this.#least) return false;
    if (state.remaining > ENOUGH && state.rounds < ROUND_LIMIT) return false;
    const { stops } = await stopQuietly(this.#qmp, this.#look).catch((error: unknown) => {
      expectRefusal(error);
      throw this.#gotAhead();
    });
    this.#stops = stops;
    return true;
  }

  #gotAhead(): QemuError {
    const reason = "QEMU stopped its guest while something was under way that ports cannot rebuild; migrate it again";
    return new QemuError("BUSY", `${this.#qmp.path}: ${reason}`);
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
