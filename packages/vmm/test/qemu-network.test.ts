import { setTimeout as sleep } from "node:timers/promises";
import { Classifier } from "@portrait/classifier";
import type { PortTarget } from "@portrait/replayer";
import { expect, test } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { QemuTarget } from "../src/index.ts";
import { captured, migrateCaptured, startCaptured } from "./support/captured-guest.ts";
import { CARD_ADDRESS, EthernetSwitch } from "./support/ethernet-switch.ts";
import { control, library } from "./support/watched-qemu.ts";

const LIMIT_MS = 60_000;
/** QEMU announces a guest by itself for some 1.5 s after it has arrived, to nobody while the cable is out. */
const LONGER_MS = 2_500;

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
  "a network card is announced once its guest runs at the destination, and not before",
  { timeout: LIMIT_MS },
  async (context) => {
    const command = need(context, program("qemu-system-i386"));
    const network = await EthernetSwitch.start();
    const start = (...more: readonly string[]) =>
      startCaptured(command, ["-machine", "pc", "-nodefaults", "-m", "16", ...network.card("ne2k_pci"), ...more]);
    const machine = await start();
    const guest = { machine, before: "", ...(await captured(machine, new Classifier(library, { fromReset: true }))) };
    await control(machine, (qmp) => qmp.execute("cont"));
    await sleep(500);

    const to = await start("-incoming", "defer");
    const { guest: moved } = await migrateCaptured(guest, "stopped", async () =>
      takingItsTime(await QemuTarget.connect(to)),
    );
    expect(network.announced).toEqual([]);
    await moved.machine.begin();
    moved.machine.close();
    await expect.poll(() => network.announced).toContain(CARD_ADDRESS);
  },
);
