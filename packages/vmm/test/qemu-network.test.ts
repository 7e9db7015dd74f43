import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Classifier } from "@portrait/classifier";
import { expect, onTestFinished, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { program } from "../../../test-support/program.ts";
import { lookAtStopped, migrateLocally, QemuSource, QemuTarget } from "../src/index.ts";
import { testFolder } from "./support/qemu-process.ts";
import { control, library, startWatched, type WatchedQemu } from "./support/watched-qemu.ts";

const LIMIT_MS = 60_000;
const MAC = "52:54:00:12:34:56";
/** Reverse ARP, by which QEMU announces a card (RFC 903). */
const RARP = 0x8035;
const LENGTH_BYTES = 4;

/** The other end of a network card's wire. */
class Wire {
  readonly path = join(testFolder(), "wire");
  #bytes = Buffer.alloc(0);

  static async lay(): Promise<Wire> {
    const wire = new Wire();
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("data", (chunk) => (wire.#bytes = Buffer.concat([wire.#bytes, chunk])));
      socket.on("error", () => undefined);
    });
    server.listen(wire.path);
    await once(server, "listening");
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return wire;
  }

  /** Senders of the announcements that came: QEMU writes each frame behind its length. */
  get announced(): string[] {
    const senders: string[] = [];
    for (let at = 0; at + LENGTH_BYTES <= this.#bytes.length;) {
      const frame = this.#bytes.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + this.#bytes.readUInt32BE(at));
      if (frame.readUInt16BE(12) === RARP) senders.push([...frame.subarray(6, 12)].map(twoDigits).join(":"));
      at += LENGTH_BYTES + frame.length;
    }
    return senders;
  }
}

const twoDigits = (byte: number) => byte.toString(16).padStart(2, "0");

function onWire(context: TestContext, { path }: Wire, ...more: readonly string[]): Promise<WatchedQemu> {
  const command = need(context, program("qemu-system-i386"));
  const netdev = `stream,id=n0,server=off,addr.type=unix,addr.path=${path}`;
  const card = ["-netdev", netdev, "-device", `ne2k_pci,netdev=n0,mac=${MAC},romfile=`];
  return startWatched(command, ["-machine", "pc", "-nodefaults", "-m", "16", ...card, ...more]);
}

test(
  "a network card is announced once its guest runs at the destination, and not before",
  { timeout: LIMIT_MS },
  async (context) => {
    const from = await onWire(context, await Wire.lay());
    const wire = await Wire.lay();
    const to = await onWire(context, wire, "-incoming", "defer");
    await control(from, (qmp) => qmp.execute("cont"));
    await sleep(500);
    const machine = await QemuSource.connect(from);
    onTestFinished(() => machine.close());
    const classifier = new Classifier(library, { fromReset: true });
    const catchUp = () => Promise.resolve(from.log.feed(classifier));
    const guest = { machine, classifier, catchUp, name: "bios" };
    await machine.stop(() => lookAtStopped(guest));

    const early: string[] = [];
    const begin = async (destination: QemuTarget) => {
      early.push(...wire.announced);
      await destination.begin();
    };
    const careful = { allowUnknown: false, allowDifferent: false };
    const moved = await migrateLocally(guest, () => QemuTarget.connect(to), library, careful, begin);
    moved.guest.machine.close();
    expect(early).toEqual([]);
    await expect.poll(() => wire.announced).toContain(MAC);
  },
);
