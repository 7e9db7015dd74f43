import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { startQemu, testFolder } from "./qemu-process.ts";

/** Bytes before each frame that say how long it is. */
const HEAD = 4;
const ADDRESS = 6;
/** The least length of a frame, without its checksum. */
const LEAST_FRAME = 60;
/** Reverse ARP, by which QEMU announces a card (RFC 903). */
const RARP = 0x8035;
/** A type for experiments (IEEE 802, 9.2.3). */
const EXPERIMENTAL = 0x88b5;

/** Address of a guest's card. */
export const CARD_ADDRESS = "52:54:00:12:34:56";

/** An Ethernet switch that machines of QEMU are plugged into. It learns where an address is from the frames that come from there. */
export class EthernetSwitch {
  /** Milliseconds each frame takes. */
  delayMs = 0;
  /** Bytes of the frames that came. */
  bytes = 0;
  /** Addresses that were announced to be here now, in the order they were. */
  readonly announced: string[] = [];
  /** Path of the socket that QEMUs connect to, each to a port of its own. */
  readonly path = join(testFolder(), "switch");
  readonly #server: Server;
  readonly #ports = new Set<Socket>();
  readonly #homes = new Map<string, Socket>();

  private constructor() {
    this.#server = createServer((port) => this.#plug(port));
    this.#server.listen(this.path);
    onTestFinished(() => {
      this.#server.close();
      for (const port of this.#ports) port.destroy();
    });
  }

  /** A switch that goes with the test. */
  static async start(): Promise<EthernetSwitch> {
    const made = new EthernetSwitch();
    await once(made.#server, "listening");
    return made;
  }

  /** QEMU's options of a network card in this switch. */
  card(model: string, more = ",romfile="): readonly string[] {
    return [...this.cable("net"), "-device", `${model},netdev=net,mac=${CARD_ADDRESS}${more}`];
  }

  /** QEMU's options of a network backend of that name in this switch. */
  cable(id: string): readonly string[] {
    return ["-netdev", `stream,id=${id},server=off,addr.type=unix,addr.path=${this.path}`];
  }

  /** Sends every machine a frame that is for everybody, and of no protocol. */
  broadcast(): void {
    const frame = Buffer.alloc(HEAD + LEAST_FRAME);
    frame.writeUInt32BE(LEAST_FRAME);
    frame.fill(0xff, HEAD, HEAD + ADDRESS);
    frame.writeUInt16BE(EXPERIMENTAL, HEAD + 2 * ADDRESS);
    for (const port of this.#ports) port.write(frame);
  }

  #plug(port: Socket): void {
    this.#ports.add(port);
    let bytes = Buffer.alloc(0);
    port.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let end = frameEnd(bytes); end <= bytes.length; end = frameEnd(bytes)) {
        this.#carry(bytes.subarray(0, end), port);
        bytes = bytes.subarray(end);
      }
    });
    port.on("error", () => undefined);
    port.on("close", () => {
      this.#ports.delete(port);
      for (const [address, home] of this.#homes) if (home === port) this.#homes.delete(address);
    });
  }

  #carry(frame: Buffer, from: Socket): void {
    this.bytes += frame.length - HEAD;
    const sender = addressIn(frame, HEAD + ADDRESS);
    this.#homes.set(sender, from);
    if (frame.readUInt16BE(HEAD + 2 * ADDRESS) === RARP) this.announced.push(sender);
    if (this.delayMs === 0) this.#forward(frame, from);
    else setTimeout(() => this.#forward(frame, from), this.delayMs);
  }

  #forward(frame: Buffer, from: Socket): void {
    const home = this.#homes.get(addressIn(frame, HEAD));
    for (const port of home === undefined ? this.#ports : [home]) if (port !== from) port.write(frame);
  }
}

/** `52:54:00:12:34:56`. */
function addressIn(frame: Buffer, at: number): string {
  return Array.from(frame.subarray(at, at + ADDRESS), (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Where the first frame of these bytes ends; beyond them where it is not whole. */
function frameEnd(bytes: Buffer): number {
  return bytes.length < HEAD ? Infinity : HEAD + bytes.readUInt32BE(0);
}

/**
 * Gives a switch a way to this host: QEMU's user-mode network in a process of its own, which no migration ends. It takes no
 * privileges, as a bridge would.
 */
export async function connectHost(network: EthernetSwitch, command: string, options = ""): Promise<void> {
  const hub = (port: string, netdev: string) => ["-netdev", `hubport,id=${port},hubid=0,netdev=${netdev}`];
  await startQemu(command, [
    ...["-machine", "none", "-nodefaults", "-netdev", `user,id=host${options}`, ...network.cable("switch")],
    ...[...hub("a", "host"), ...hub("b", "switch")],
  ]);
}
