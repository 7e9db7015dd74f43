import { setTimeout as sleep } from "node:timers/promises";
import { Classifier } from "@portrait/classifier";
import type { PortTarget } from "@portrait/replayer";
import { expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { QemuTarget } from "../src/index.ts";
import { BridgedNetwork, type Host } from "./support/bridged-network.ts";
import { captured, migrateCaptured, startCaptured } from "./support/captured-guest.ts";
import { control, library } from "./support/watched-qemu.ts";

const LIMIT_MS = 60_000;
/** QEMU announces a guest by itself for some 1.5 s after it has arrived, to nobody while the cable is out. */
const LONGER_MS = 2_500;
/** Linux takes up to a second until it sends frames over a cable that was put in. */
const CABLE_LIMIT_MS = 10_000;

/** A destination whose devices are rebuilt late. */
function takingItsTime(target: QemuTarget): QemuTarget {
  const { ports } = target;
  let late: Promise<void> | undefined;
  const perform: PortTarget["perform"] = async (operations) => {
    await (late ??= sleep(LONGER_MS));
    return ports.perform(operations);
  };
  return Object.defineProperty(target, "ports", { value: { name: ports.name, perform } });
}

test(
  "a bridge sends to a card at the destination once its silent guest runs there, and not before",
  { timeout: LIMIT_MS },
  async (context) => {
    const command = need(context, program("qemu-system-i386"));
    const network = await BridgedNetwork.make(context);
    const [from, to] = network.hosts;
    const start = ({ spawn }: Host, ...more: readonly string[]) => {
      const options = ["-machine", "pc", "-nodefaults", "-m", "16", ...network.card("ne2k_pci"), ...more];
      return startCaptured(command, options, spawn);
    };
    const machine = await start(from);
    const guest = { machine, before: "", ...(await captured(machine, new Classifier(library, { fromReset: true }))) };
    await control(machine, (qmp) => qmp.execute("cont"));
    const portOnceHeard = async () => {
      await control(machine, (qmp) => qmp.execute("announce-self", { initial: 50, max: 50, rounds: 1, step: 0 }));
      return network.portOfCard();
    };
    await expect.poll(portOnceHeard, { timeout: CABLE_LIMIT_MS }).toBe(from.port);

    const waiting = await start(to, "-incoming", "defer");
    const { guest: moved } = await migrateCaptured(guest, "stopped", async () =>
      takingItsTime(await QemuTarget.connect(waiting)),
    );
    expect(await network.portOfCard()).toBe(from.port);
    await moved.machine.begin();
    moved.machine.close();
    expect(await network.portOfCard()).toBe(to.port);
  },
);
