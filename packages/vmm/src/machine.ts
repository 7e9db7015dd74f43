import type { AccessBatch } from "@portrait/tracer";
import type { BusyDevice, PortTarget } from "@portrait/replayer";

/** One value in an engine's own dump of its devices, e.g. path `pit.counter_mode[0]`. */
export interface DeviceField {
  readonly path: string;
  /** JSON-comparable. */
  readonly value: number | string | boolean | null;
}

/** A device in two dumps of one engine. */
export interface DevicePair {
  /** The engine's name of it. */
  readonly device: string;
  /** Its fields on each side, in a stable order. */
  readonly source: readonly DeviceField[];
  readonly destination: readonly DeviceField[];
  /** Fields that are seen to be equal and left out of both. */
  readonly alike: number;
}

/** Fields of an engine's dump that may differ after a restore. */
export interface FieldAllowance {
  /** A path; `*` stands for any run of characters. */
  readonly path: string;
  /** Bits of a number that may differ; undefined: the whole field. */
  readonly mask?: number | undefined;
  /** Value at the source from which it may differ; undefined: any. */
  readonly from?: number | undefined;
  /** Value that the field has where a side does not show it. */
  readonly absent?: number;
  /** It must not differ where a guest is to go on, which cannot do without it. */
  readonly needed?: boolean;
  /** It must not differ after all where both sides have this value in that field. */
  readonly unless?: { readonly path: string; readonly is: DeviceField["value"] };
  readonly why: string;
}

/** A network card of a machine, as whoever set the machine up chose it. No port tells a guest's plan of this. */
export interface NetworkCard {
  readonly model: string;
  /** Where it is in the machine, as the engine calls it; no two cards are at one place. */
  readonly place: string;
  /** Its own address (MAC). The guest may have given it another one since. */
  readonly address: string;
  /** Whether it is plugged into anything. */
  readonly plugged: boolean;
}

/** Why a machine stopped running. */
export type StopReason = "halted" | "limit" | "predicate" | "interrupted";

/** When {@link Machine.run} comes back; whichever is first. */
export interface RunLimits {
  /** Asked after every slice of the guest's run (about a millisecond), and after every access. */
  readonly until?: () => boolean;
  /** Stop right after the instruction that made this many accesses since the machine was made. */
  readonly accesses?: number;
  /** Guest milliseconds from now. */
  readonly guestMs?: number;
  /** Wall-clock milliseconds from now; undefined: no limit. */
  readonly wallMs?: number;
  readonly signal?: AbortSignal;
}

/** A piece of a guest's CPU and memory on its way to a machine of the same engine, which alone understands it. */
export interface BodyPiece {
  /** `memory`: pages; `cpu`: a CPU's state; `stream`: a stretch of an engine's own migration stream. */
  readonly kind: "memory" | "cpu" | "stream";
  /** Its bytes, one part after the other. They may be views: they hold until the machine runs on. */
  readonly parts: readonly Uint8Array[];
}

/** A guest's CPU and memory, without any device, piece by piece. */
export type GuestBody = Iterable<BodyPiece> | AsyncIterable<BodyPiece>;

/** Looks at a stopped guest with these interrupts pending: what is under way in it that no plan brings back. */
export type Look = (irqs: readonly number[]) => Promise<readonly BusyDevice[]>;

/** How often a guest was stopped until none of its devices was busy. */
export interface Stops {
  readonly count: number;
  /** What was busy, and at how many of the stops. */
  readonly busy: readonly (BusyDevice & { readonly times: number })[];
}

/** What a migration asks of the stopped machine that a guest leaves. */
export interface GuestSource {
  readonly engine: string;
  readonly engineVersion: string;
  /** Guest RAM in bytes. */
  readonly memorySize: number;
  /** Its network cards; undefined where the engine does not tell. */
  readonly networkCards?: readonly NetworkCard[];
  /** How it was stopped; undefined where whoever stopped it did not look at its devices. */
  readonly stops?: Stops | undefined;
  /** The interrupts that are pending at its controllers, and that a plan is to make so again; undefined where whoever stopped it did not ask. */
  readonly pending?: readonly number[] | undefined;
  /** When it was stopped, as `performance.now()` gives it; undefined where nobody took the time. */
  readonly stoppedAt?: number | undefined;
  /** The stopped machine's ports. Accesses made here are not part of the guest's trace. */
  readonly ports: PortTarget;
  /** CPU and memory, without any device, piece by piece. */
  body(): GuestBody;
  /** The engine's own dump of its device state, for a machine of the same engine to compare itself with; asked for once the body has been read. */
  deviceDump(): Uint8Array;
}

/** A machine whose guest runs on while most of its memory leaves. */
export interface LiveSource extends GuestSource {
  /**
   * Memory, piece by piece, while the guest runs. The guest is stopped when the last piece has been given, at a moment where `look` sees
   * no device busy; {@link body} then gives the rest.
   */
  ahead(look: Look): AsyncIterable<BodyPiece>;
  /** The dump of its device state, which the engine may make while the body is read, is not made before `registersRead` is fulfilled: a read moves selectors. */
  body(registersRead?: Promise<unknown>): GuestBody;
  /** Once the body is read: fulfilled when nothing is asked of the machine any more and what is left leaves by itself. */
  readonly leaving: Promise<unknown>;
  readonly stoppedAt: number;
  /** How often memory was gone over, the last time, after the stop, included. */
  readonly rounds: number;
}

/** What a migration asks of the stopped machine that a guest is built on. */
export interface GuestTarget {
  readonly engine: string;
  readonly engineVersion: string;
  /** RAM in bytes. */
  readonly memorySize: number;
  /** Its network cards; undefined where the engine does not tell. */
  readonly networkCards?: readonly NetworkCard[];
  /** Accesses its guests have made so far; 0 means that its devices are as power-on leaves them. */
  readonly accessCount: number;
  readonly ports: PortTarget;
  /** Takes CPU and memory over. */
  restore(body: GuestBody): Promise<void>;
  /**
   * Reads the source's dump of its device state. What it gives puts this machine's own beside it.
   * @throws where the dump is not one of this engine's
   */
  readDump(dump: Uint8Array): () => readonly DevicePair[] | Promise<readonly DevicePair[]>;
  /**
   * Lets the guest go on here, once its source has given it up, with the disks that both reach.
   * @throws MigrationError MISMATCH where it certainly does not; any other error leaves it open
   */
  begin(): Promise<void>;
  /** Does with made-up dumps what it will do with real ones while the guest stands still: code that runs for the first time is slow. */
  rehearse?(): readonly DevicePair[];
  /** Fields in which this engine does not do what the hardware does, so that a right plan leaves them different. */
  readonly deviations: readonly FieldAllowance[];
  /** Fields of its dump that must be as the source's once these interrupts have been made pending again. */
  pendingFields?(irqs: readonly number[]): readonly FieldAllowance[];
  /** Ends the machine and frees what it holds. */
  destroy(): Promise<void>;
}

/** A guest that can be run, tapped, stopped, asked for its ports, and whose CPU and memory can be moved. */
export interface Machine extends GuestSource, GuestTarget {
  /** Guest time in nanoseconds since the machine was made. */
  now(): number;
  /** Runs the guest until a limit is met, it halts with interrupts off, or `signal` aborts; then it is stopped between two instructions. */
  run(limits: RunLimits): Promise<StopReason>;
  /** Batches of every access from now on; call before the first run. `flush` hands on what is pending. */
  tap(sink: (batch: AccessBatch) => void): { flush(): void };
  /** Text the guest has written to its first serial port, all of it. */
  readonly console: string;
  onConsole(listener: (text: string) => void): void;
  /** Types on the first serial port. */
  type(text: string): void;
  /** The engine's own dump of its device state, in a stable order. */
  deviceFields(): readonly DeviceField[];
}
