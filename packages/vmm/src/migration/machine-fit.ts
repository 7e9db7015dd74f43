import type { GuestTarget, NetworkCard } from "../machine.ts";
import { MigrationError } from "./errors.ts";
import type { ImageHello } from "./image.ts";

const MIB = 1 << 20;

/** What a machine and the one its guest comes from must have in common. */
type Kind = Pick<GuestTarget, "engine" | "engineVersion" | "memorySize">;

/** Makes sure that a machine can take the guest that says this, before it has anything of it. @throws MigrationError MISMATCH */
export function expectFit(machine: GuestTarget, hello: ImageHello): void {
  if (kindText(machine) !== kindText(hello)) {
    const reason = `the guest comes from ${kindText(hello)}, this machine is ${kindText(machine)}`;
    throw new MigrationError("MISMATCH", reason);
  }
  const { networkCards: own } = machine;
  const faults = own === undefined ? [] : (hello.networkCards ?? []).flatMap((card) => faultOf(card, own) ?? []);
  if (faults.length === 0) return;
  const remedy =
    "it needs the source's cards, each in the same place, with the same address (mac=) and plugged in (netdev=)";
  throw new MigrationError(
    "MISMATCH",
    `the guest would lose its network on this machine: ${faults.join("; ")}; ${remedy}`,
  );
}

function kindText({ engine, engineVersion, memorySize }: Kind): string {
  return `${engine} ${engineVersion} with ${memorySize / MIB} MiB`;
}

/** Why a guest could not go on over its card on a machine with these; undefined where it can. */
function faultOf({ model, place, address, plugged }: NetworkCard, own: readonly NetworkCard[]): string | undefined {
  const here = own.find((card) => card.place === place);
  const card = `its ${model} at ${place}`;
  if (here === undefined) return `${card} is not there`;
  if (here.model !== model) return `${card} is a ${here.model} here`;
  if (here.address !== address) return `${card} has the address ${address} at the source and ${here.address} here`;
  return plugged && !here.plugged ? `${card} is plugged in at the source and into nothing here` : undefined;
}
