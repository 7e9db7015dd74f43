import type { Command } from "commander";
import type { SendOptions } from "@portrait/vmm";

/** What a command that sends a guest may be told to allow. */
export interface AllowOptions {
  readonly allowUnknown?: true;
  readonly allowDifferent?: true;
}

/** Adds {@link AllowOptions} to a command. */
export function addAllowOptions(command: Command): Command {
  return command
    .option("--allow-unknown", "go on although the state of registers is not known")
    .option("--allow-different", "go on although device state differs after the plan");
}

/** How a guest is sent. */
export function sendOptions({ allowUnknown, allowDifferent }: AllowOptions): SendOptions {
  return { allowUnknown: allowUnknown === true, allowDifferent: allowDifferent === true };
}
