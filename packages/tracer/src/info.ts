/** Unit in which a trace's times are stored. `none`: order only, every time reads as 0. */
export type ClockUnit = "us" | "ns" | "none";

/** What machine was watched, as far as the capture could tell. */
export interface MachineInventory {
  /** `v86`, `qemu`, `kvm`, or another tool's name for an imported trace. */
  readonly engine: string;
  readonly engineVersion: string;
  /** What ran on it, for people. */
  readonly guest: string;
  /** Where it ran, for people. */
  readonly host: string;
  /** True when the chipset decodes the PIC's alias ports (24h … 3Ch); real Intel bridges do, QEMU and v86 do not. */
  readonly decodesAliases: boolean;
}

/** A device description a trace was recorded with. */
export interface DescriptionReference {
  readonly id: string;
  /** SHA-256 of the text, hex. */
  readonly sha256: string;
  /** The YAML text, where it was embedded. */
  readonly text: string | undefined;
}

/** What a trace says of itself. */
export interface TraceInfo {
  readonly clock: ClockUnit;
  /** Wall-clock time of time 0, nanoseconds since 1970; undefined where not known. */
  readonly startedAt: bigint | undefined;
  readonly machine: MachineInventory;
  /** The command that made the trace. */
  readonly command: readonly string[];
  /** True when the first access is the first since the machine's power-on reset, so that reset values hold at its start. */
  readonly fromReset: boolean;
  /** Ports that were watched, as inclusive ranges; empty means all. */
  readonly ports: readonly (readonly [first: number, last: number])[];
  readonly descriptions: readonly DescriptionReference[];
}
