import type { Library } from "@portrait/classifier";
import { messageOf } from "@portrait/tracer";
import type { GuestSource, GuestTarget, Machine } from "../machine.ts";
import type { BuiltGuest, MachineFactory } from "./build-guest.ts";
import { duplexPair } from "./duplex-pair.ts";
import { receiveGuest } from "./destination.ts";
import { MigrationError } from "./errors.ts";
import type { LiveGuest, WatchedGuest } from "./guest.ts";
import { sendGuest, type MigrationReport, type SendOptions } from "./source.ts";

/** A migration inside one process, and the guest it made. */
export interface LocalMigration<M extends GuestTarget = Machine> {
  readonly report: MigrationReport;
  readonly guest: BuiltGuest<M>;
}

/**
 * Migrates a guest to a machine in this process, over a connection like any other, as {@link sendGuest} does. The source machine is left
 * stopped: destroy it, or run it on (a clone).
 * @param begin how the guest begins there, as {@link receiveGuest} has it
 * @throws MigrationError; GIVEN_UP where the source must not run on although there is no guest to give
 */
export async function migrateLocally<M extends GuestTarget>(
  source: WatchedGuest<GuestSource> | LiveGuest,
  makeMachine: MachineFactory<M>,
  library: Library,
  options: SendOptions,
  begin?: (machine: M) => Promise<void>,
): Promise<LocalMigration<M>> {
  const [near, far] = duplexPair();
  const received = receiveGuest(far, makeMachine, library, begin);
  let refusal: unknown;
  received.catch((error: unknown) => {
    refusal = error;
    near.destroy();
  });
  try {
    const report = await sendGuest(source, near, options);
    return { report, guest: await received.catch(givenUp) };
  } catch (error) {
    if (error instanceof MigrationError && error.code === "GIVEN_UP") throw error;
    // Where the destination failed, the source only sees the connection end.
    const cause = refusal ?? error;
    far.destroy();
    await received.catch(() => undefined);
    throw cause;
  }
}

/** A destination's own refusal says that the guest does not run there; of any other error nobody knows. */
function givenUp(cause: unknown): never {
  if (cause instanceof MigrationError) throw cause;
  const message = `the guest is at its destination, and whether it runs there is not known (${messageOf(cause)}); look there`;
  throw new MigrationError("GIVEN_UP", message, { cause });
}
