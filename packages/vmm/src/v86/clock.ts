/** What a guest sees as time: v86's timers and TSC count in its milliseconds. */
export interface GuestClock {
  /** Milliseconds since the machine was made, asked by the engine; may move the clock. */
  readonly tick: () => number;
  /** Milliseconds since the machine was made, asked by us; never moves the clock. */
  readonly peek: () => number;
  /** Milliseconds since 1970 that the guest's real-time clock shows. */
  readonly wallClock: () => number;
  /** The guest may run from now on. */
  start(): void;
  /** The guest is stopped from now on. */
  stop(): void;
  /** The CPU waits for an interrupt for `ms`: skips or sleeps that time. */
  idle(ms: number): Promise<void> | undefined;
}

/** Guest time that follows the host's while the guest runs and stands still while it is stopped. */
export function realClock(): GuestClock {
  let elapsed = 0;
  let startedAt: number | undefined;
  const now = (): number => elapsed + (startedAt === undefined ? 0 : performance.now() - startedAt);
  return {
    tick: now,
    peek: now,
    wallClock: () => Date.now(),
    start: () => {
      startedAt = performance.now();
    },
    stop: () => {
      elapsed = now();
      startedAt = undefined;
    },
    idle: (ms) => (ms < 1 ? undefined : new Promise((resolve) => setTimeout(resolve, ms))),
  };
}

/** Instructions that pass in one virtual millisecond. */
const INSTRUCTIONS_PER_MS = 500_000;
/** What asking the engine's clock costs, so that a guest polling a timer inside one compiled block gets on. */
const MS_PER_QUERY = 1e-4;
/** The least an idle CPU skips: a timer that is due now must not stop time. */
const LEAST_IDLE_MS = 0.01;
/** What the guest's real-time clock shows when a virtual clock starts: 2026-01-01 00:00 UTC. */
const VIRTUAL_EPOCH = Date.UTC(2026, 0, 1);

/**
 * Guest time made of instructions executed and idle time skipped, the same in every run. `instructions` is v86's 32-bit
 * instruction counter, which wraps and lags inside compiled code.
 */
export function virtualClock(instructions: () => number): GuestClock {
  let executed = 0;
  let last = 0;
  let extra = 0;
  let running = false;
  const peek = (): number => {
    const counter = instructions();
    const step = (counter - last) >>> 0;
    if (step < 2 ** 31) executed += step; // a step back is a counter that was reset
    last = counter;
    return executed / INSTRUCTIONS_PER_MS + extra;
  };
  return {
    tick: () => {
      if (running) extra += MS_PER_QUERY;
      return peek();
    },
    peek,
    wallClock: () => VIRTUAL_EPOCH + Math.floor(peek()),
    start: () => {
      running = true;
    },
    stop: () => {
      running = false;
    },
    idle: (ms) => {
      extra += Math.max(ms, LEAST_IDLE_MS);
      return undefined;
    },
  };
}
