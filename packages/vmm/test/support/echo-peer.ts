import { randomBytes, randomInt } from "node:crypto";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { BridgedNetwork } from "./bridged-network.ts";

const LEAST_BYTES = 64;
const MOST_BYTES = 4096;

/**
 * The other end of a guest's TCP connection: sends blocks of random bytes, and compares what comes back. A second connection,
 * an end and a wrong byte are all failures.
 */
export class EchoPeer {
  /** What went wrong, in the order it did. */
  readonly failures: string[] = [];
  readonly #server = createServer((socket) => this.#accept(socket));
  #connections = 0;
  #blocks = 0;
  #lastAt = 0;
  #longestMs = 0;
  #over = false;

  /** A peer in this network that goes with the test. */
  static async start(network: BridgedNetwork): Promise<EchoPeer> {
    const peer = new EchoPeer();
    await network.listen(peer.#server);
    onTestFinished(() => void peer.#server.close());
    return peer;
  }

  /** Its TCP port. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Blocks that came back byte for byte so far. */
  get blocks(): number {
    return this.#blocks;
  }

  /** Longest time from one block that came back to the next since this was asked last, in milliseconds. */
  longestMs(): number {
    const longest = Math.max(this.#longestMs, performance.now() - this.#lastAt);
    this.#longestMs = 0;
    return longest;
  }

  #accept(socket: Socket): void {
    this.#connections++;
    if (this.#connections > 1) this.failures.push("a second connection came");
    onTestFinished(() => {
      this.#over = true;
      socket.destroy();
    });
    socket.on("error", (error) => this.failures.push(error.message));
    socket.on("close", () => this.#over || this.failures.push("the connection ended"));
    this.#lastAt = performance.now();
    this.#exchange(socket);
  }

  /** Sends a block, takes it back, and goes on with the next. */
  #exchange(socket: Socket): void {
    const sent = randomBytes(randomInt(LEAST_BYTES, MOST_BYTES));
    let came = 0;
    const take = (chunk: Buffer) => {
      if (!chunk.equals(sent.subarray(came, came + chunk.length))) this.failures.push("other bytes came back");
      came += chunk.length;
      if (came < sent.length) return;
      socket.off("data", take);
      const now = performance.now();
      this.#longestMs = Math.max(this.#longestMs, now - this.#lastAt);
      this.#lastAt = now;
      this.#blocks++;
      this.#exchange(socket);
    };
    socket.on("data", take);
    socket.write(sent);
  }
}
