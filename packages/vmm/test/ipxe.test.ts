import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Classifier } from "@portrait/classifier";
import { describe, expect, onTestFinished, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { debianLinux, type DebianLinux } from "../../../test-support/debian-linux.ts";
import { program } from "../../../test-support/program.ts";
import {
  captured,
  moveCaptured,
  startCaptured,
  type CapturedGuest,
  type CapturedMachine,
} from "./support/captured-guest.ts";
import { connectHost, EthernetSwitch } from "./support/ethernet-switch.ts";
import { control, library } from "./support/watched-qemu.ts";

const LIMIT_MS = 300_000;
const WAIT_MS = 90_000;
/** Milliseconds a frame takes while the guest is migrated, so that it is not done before. */
const SLOW_MS = 20;
/** Bytes on the wire after which a download is well under way. */
const WELL_UNDER_WAY = 400_000;

/** Serves a Linux, and the script by which iPXE fetches it and boots it, over HTTP; gives the script's address in the guest's network. */
async function served({ kernel, initrd, append }: DebianLinux): Promise<string> {
  const server = createServer((request, response) => {
    const file = { "/kernel": kernel, "/initrd": initrd }[request.url ?? ""];
    if (file === undefined) response.end(script);
    else createReadStream(file).pipe(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = `http://10.0.2.2:${(server.address() as AddressInfo).port}`;
  const script = ["#!ipxe", `kernel ${address}/kernel ${append}`, `initrd ${address}/initrd`, "boot", ""].join("\n");
  return `${address}/boot.ipxe`;
}

/** Waits until so many bytes more have been on the wire. */
async function underWay(network: EthernetSwitch, { machine }: CapturedGuest): Promise<void> {
  const enough = network.bytes + WELL_UNDER_WAY;
  for (const end = performance.now() + WAIT_MS; network.bytes < enough; await sleep(5)) {
    if (performance.now() > end)
      throw new Error(`the guest does not fetch anything: ${machine.console.text.slice(-500)}`);
  }
  network.delayMs = SLOW_MS;
}

/** A network in which a Linux is fetched, and what starts machines in it with a card. */
async function fetching(context: TestContext, card: string) {
  const command = need(context, program("qemu-system-i386"));
  const network = await EthernetSwitch.start();
  await connectHost(network, command, `,bootfile=${await served(need(context, debianLinux()))}`);
  const start = (...more: readonly string[]): Promise<CapturedMachine> =>
    startCaptured(command, [
      ...["-machine", "pc,graphics=off,kernel-irqchip=off", "-nodefaults", "-m", "128"],
      ...[...network.card(card, ",bootindex=1"), ...more],
    ]);
  const machine = await start();
  const classifier = new Classifier(library, { fromReset: true });
  const guest: CapturedGuest = { machine, before: "", ...(await captured(machine, classifier)) };
  await control(machine, (qmp) => qmp.execute("cont"));
  return { network, guest, startWaiting: () => start("-incoming", "defer") };
}

describe("iPXE that fetches a Linux", { timeout: LIMIT_MS }, () => {
  test("over an NE2000 goes on with it on two other machines, and boots what it fetched", async (context) => {
    const { network, startWaiting, ...from } = await fetching(context, "ne2k_pci");
    let { guest } = from;
    for (const how of ["stopped", "running"] as const) {
      await underWay(network, guest);
      const { guest: moved, report } = await moveCaptured(guest, await startWaiting(), how);
      expect([report.plan.unknown, report.result.comparison.different]).toEqual([[], []]);
      guest = moved;
      expect(guest.before + guest.machine.console.text).not.toContain("Linux version");
      network.delayMs = 0;
    }
    await guest.machine.console.until("guest ready", WAIT_MS);
  });
});
