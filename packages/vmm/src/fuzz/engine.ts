import type { PortTarget } from "@portrait/replayer";
import type { FieldAllowance } from "../machine.ts";
import type { StreamSection } from "../qemu/stream/section.ts";
import type { PortAccess } from "./accesses.ts";
import type { Exclusion } from "./exclusion.ts";

/** Devices that are put back to power-on, and tell what they hold. */
export interface Bench {
  /** What it is, and which version of it. */
  readonly version: string;
  readonly ports: PortTarget;
  /** What {@link dump} gave before the first access. */
  readonly powerOn: readonly StreamSection[];
  /** What accesses did to the whole machine since it was put back. */
  readonly machineEvents: readonly string[];
  /** Brings everything back to power-on. */
  reset(): Promise<void>;
  /** What the devices hold now. Sections that are as after power-on are those of {@link powerOn}. */
  dump(): Promise<readonly StreamSection[]>;
  end(): Promise<void>;
}

/** An implementation of devices that sequences of accesses and their plans are tried on. */
export interface Engine {
  /** Name under which descriptions list what it cannot be brought to. */
  readonly name: string;
  /** How it is started, for people to do the same. */
  readonly command: readonly string[];
  /** Names of the sections of its state that are the devices'; `*` stands for any run of characters. */
  readonly sections: readonly string[];
  /** What every sequence begins with, where it comes out of power-on as no hardware does. */
  readonly prefix: readonly PortAccess[];
  /** Accesses as drivers make them, for sequences to take runs from. */
  readonly runs: readonly PortAccess[];
  /** Instances that it does not have. */
  readonly absent: readonly string[];
  /** Fields that a right plan leaves different. */
  readonly deviations: readonly FieldAllowance[];
  /** What sequences do not have; `first`: what goes before each. */
  exclusions(first: readonly PortAccess[]): readonly Exclusion[];
  /** Fields that may differ after this sequence. */
  excuses(accesses: readonly PortAccess[]): readonly FieldAllowance[];
  /** Names of the state sections of a device type; none where nothing is said of it. */
  sectionsOf(deviceId: string): readonly string[];
  start(): Promise<Bench>;
}
