import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Classifier } from "@portrait/classifier";
import { describe, expect, onTestFinished, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { debianLinux, type DebianLinux } from "../../../test-support/debian-linux.ts";
import { program } from "../../../test-support/program.ts";
import { BridgedNetwork, type Host } from "./support/bridged-network.ts";
import {
  captured,
  moveCaptured,
  startCaptured,
  type CapturedGuest,
  type CapturedMachine,
} from "./support/captured-guest.ts";
import { startQemu } from "./support/qemu-process.ts";
import { control, library } from "./support/watched-qemu.ts";

const LIMIT_MS = 300_000;
const WAIT_MS = 90_000;
/** Bytes that are served at once, and the milliseconds between them while the guest is migrated, so that it is not done before. */
const PIECE = 4096;
const SLOW_MS = 20;
/**
 * Bytes under way at the most: of more than its ring has room for QEMU's NE2000 may write a frame over one that iPXE has not read, which then finds bogus
 * packets for ever, whether or not it is moved.
 */
const UNDER_WAY = 8192;
/** Moves that are tried with a card that most of them are refused with. */
const TRIES = 3;
/** Bytes served after which a download is well under way. */
const WELL_UNDER_WAY = 400_000;

/** Serves the files of a Linux, and the script by which iPXE fetches them and boots them, over HTTP. */
class BootServer {
  /** Milliseconds between two pieces of a file. */
  delayMs = 0;
  /** Bytes of the files that were served. */
  bytes = 0;
  readonly #server = createServer(({ url }, response) => {
    const file = this.#files.get(url);
    if (file === undefined) response.end(this.#script);
    else Readable.from(this.#pieces(file)).pipe(response);
  });
  readonly #files: ReadonlyMap<string | undefined, string>;
  readonly #script: string;

  private constructor({ kernel, initrd, append }: DebianLinux) {
    this.#files = new Map([
      ["/kernel", kernel],
      ["/initrd", initrd],
    ]);
    this.#script = ["#!ipxe", `kernel /kernel ${append}`, "initrd /initrd", "boot", ""].join("\n");
  }

  /** A server in this network that goes with the test. */
  static async start(linux: DebianLinux, network: BridgedNetwork): Promise<BootServer> {
    const made = new BootServer(linux);
    await network.listen(made.#server);
    onTestFinished(() => {
      made.#server.closeAllConnections();
      made.#server.close();
    });
    return made;
  }

  /** Its TCP port. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async *#pieces(file: string): AsyncGenerator<Buffer, void> {
    for await (const piece of createReadStream(file, { highWaterMark: PIECE })) {
      this.bytes += piece.length;
      yield piece;
      if (this.delayMs > 0) await sleep(this.delayMs);
    }
  }
}

/** Gives a network DHCP: QEMU's user-mode network has one. It reaches nothing else, from a machine of its own on a host. */
async function serveDhcp(network: BridgedNetwork, command: string, bootFile: string): Promise<void> {
  const user = `user,id=dhcp,restrict=on,net=10.0.2.0/24,host=10.0.2.3,dns=10.0.2.4,bootfile=${bootFile}`;
  const hub = (port: string, netdev: string) => ["-netdev", `hubport,id=${port},hubid=0,netdev=${netdev}`];
  const options = ["-machine", "none", "-nodefaults", "-netdev", user, ...network.cable("bridge")];
  await startQemu(command, [...options, ...hub("a", "dhcp"), ...hub("b", "bridge")], network.hosts[0].spawn);
}

/** Waits until so many bytes more have been served, and slows down the rest. */
async function underWay(server: BootServer, { machine }: CapturedGuest): Promise<void> {
  const enough = server.bytes + WELL_UNDER_WAY;
  for (const end = performance.now() + WAIT_MS; server.bytes < enough; await sleep(5)) {
    if (performance.now() > end)
      throw new Error(`the guest does not fetch anything: ${machine.console.text.slice(-500)}`);
  }
  server.delayMs = SLOW_MS;
}

/** A guest that fetches a Linux over a card, and what starts machines for it on the network's hosts. */
async function fetching(context: TestContext, card: string) {
  const command = need(context, program("qemu-system-i386"));
  const linux = need(context, debianLinux());
  const network = await BridgedNetwork.make(context);
  await network.limitSending(UNDER_WAY);
  const server = await BootServer.start(linux, network);
  await serveDhcp(network, command, `http://${network.address}:${server.port}/boot.ipxe`);
  const start = ({ spawn }: Host, ...more: readonly string[]): Promise<CapturedMachine> => {
    const options = ["-machine", "pc,graphics=off,kernel-irqchip=off", "-nodefaults", "-m", "128"];
    return startCaptured(command, [...options, ...network.card(card, ",bootindex=1"), ...more], spawn);
  };
  const machine = await start(network.hosts[0]);
  const classifier = new Classifier(library, { fromReset: true });
  const guest: CapturedGuest = { machine, before: "", ...(await captured(machine, classifier)) };
  await control(machine, (qmp) => qmp.execute("cont"));
  const startWaiting = (host: Host) => start(host, "-incoming", "defer");
  return { server, hosts: network.hosts, guest, startWaiting };
}

describe("iPXE that fetches a Linux", { timeout: LIMIT_MS }, () => {
  test("over an NE2000 goes on with it on another host and back, and boots what it fetched", async (context) => {
    const { server, hosts, startWaiting, ...from } = await fetching(context, "ne2k_pci");
    const [here, there] = hosts;
    let { guest } = from;
    const ways = [
      [there, "stopped"],
      [here, "running"],
    ] as const;
    for (const [host, how] of ways) {
      await underWay(server, guest);
      const { guest: moved, report } = await moveCaptured(guest, await startWaiting(host), how);
      expect([report.plan.unknown, report.result.comparison.different]).toEqual([[], []]);
      guest = moved;
      expect(guest.before + guest.machine.console.text).not.toContain("Linux version");
      server.delayMs = 0;
    }
    await guest.machine.console.until("guest ready", WAIT_MS);
  });

  test("over an RTL8139 with its descriptors in memory goes on with it where it is, unless the card is at the first of them", async (context) => {
    const { server, hosts, startWaiting, ...from } = await fetching(context, "rtl8139");
    const [, there] = hosts;
    let { guest } = from;
    const refused: unknown[] = [];
    for (let tries = 0; tries < TRIES; tries++) {
      await underWay(server, guest);
      guest = await moveCaptured(guest, await startWaiting(there), "stopped").then(
        (moved) => moved.guest,
        (error: unknown) => (refused.push(error), guest),
      );
      server.delayMs = 0;
    }
    const message = expect.stringMatching(
      /rtl8139\[0\]\.currCPlus\S+ \(.* → 0\): which descriptor in memory comes next/,
    );
    expect(refused).toMatchObject(refused.map(() => ({ code: "VERIFY", message })));
    await underWay(server, guest);
  });
});
