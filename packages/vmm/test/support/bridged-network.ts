import { Socket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Server } from "node:net";
import { join } from "node:path";
import { onTestFinished, type TestContext } from "vitest";
import { need } from "../../../../test-support/available.ts";
import { networkNamespaces } from "../../../../test-support/namespaces.ts";
import { program } from "../../../../test-support/program.ts";
import { withLimit } from "../../src/qemu/limit.ts";
import { Namespace, type Spawn } from "./namespace.ts";
import { testFolder } from "./qemu-process.ts";

/** Address of a guest's card. */
export const CARD_ADDRESS = "52:54:00:12:34:56";
/** The peer's. A bridge without one of its own would change it with its ports. */
const PEER_ADDRESS = "52:54:00:00:00:02";
const MADE_LIMIT_MS = 20_000;
/** The port whose protocol is to throw everything away (RFC 863). */
const DISCARD = 9;

const ADDRESS = "10.0.2.2";
const EVERYBODY = "10.0.2.255";

const makeBridge = (more = "") => `ip link add bridge ${more} type bridge stp_state 0; ip link set bridge up`;

/** Where machines run: a bridge that has each machine's tap, and a cable to the network's bridge. */
export interface Host {
  /** The network's port of this cable. */
  readonly port: string;
  /** Starts a program there. */
  readonly spawn: Spawn;
}

/**
 * Two hosts, and the peer of their guests, on a bridge of Linux. The hosts and the peer are each in a network namespace of their own; the bridge
 * is in the peer's. It sends frames to where it saw their receiver last.
 */
export class BridgedNetwork {
  /** The peer's address; the guest may have another one of its /24. */
  readonly address = ADDRESS;
  readonly hosts: readonly [Host, Host];
  readonly #peer: Namespace;
  readonly #plugScript: string;

  private constructor(peer: Namespace, hosts: readonly [Host, Host], plugScript: string) {
    this.#peer = peer;
    this.hosts = hosts;
    this.#plugScript = plugScript;
  }

  /** A network that goes with the test, which skips where none can be made. */
  static async make(context: TestContext): Promise<BridgedNetwork> {
    need(context, program("bridge"));
    const peer = await Namespace.make(need(context, networkNamespaces()));
    await peer.run(`${makeBridge(`address ${PEER_ADDRESS}`)}; ip address add ${ADDRESS}/24 dev bridge`);
    const hosts = [await host(peer, "first"), await host(peer, "second")] as const;
    const plugScript = join(testFolder(), "plug");
    writeFileSync(plugScript, '#!/bin/sh\nexec ip link set "$1" master bridge up\n', { mode: 0o755 });
    return new BridgedNetwork(peer, hosts, plugScript);
  }

  /** QEMU's options of a network card at the bridge of the host on which it is started. */
  card(model: string, more = ",romfile="): readonly string[] {
    return [...this.cable("net"), "-device", `${model},netdev=net,mac=${CARD_ADDRESS}${more}`];
  }

  /** QEMU's options of a network backend of that name at this bridge. */
  cable(id: string): readonly string[] {
    return ["-netdev", `tap,id=${id},script=${this.#plugScript},downscript=no`];
  }

  /** The host that is not this one. */
  other(than: Host): Host {
    return this.hosts[0] === than ? this.hosts[1] : this.hosts[0];
  }

  /** The port at which the bridge believes the guest's card to be. */
  async portOfCard(): Promise<string | undefined> {
    const entries: { mac: string; ifname: string }[] = JSON.parse(await this.#peer.run("bridge -j fdb show br bridge"));
    return entries.find(({ mac }) => mac === CARD_ADDRESS)?.ifname;
  }

  /** Lets each connection of the peer's keep so many bytes at the most that were not acknowledged. */
  async limitSending(bytes: number): Promise<void> {
    await this.#peer.run(`echo ${bytes} ${bytes} ${bytes} >/proc/sys/net/ipv4/tcp_wmem`);
    // More than one segment is taken of the program at once, whatever the limit, as long as the device is said to divide them.
    await this.#peer.run("ip link set bridge gso_max_segs 1");
  }

  /** Has a server listen at the peer's address. */
  async listen(server: Server): Promise<void> {
    const made = await this.#made(`require("net").createServer().listen(0, "${this.address}", give)`);
    if (!(made instanceof Server)) throw new Error("no server was made");
    server.listen(made);
    await once(server, "listening");
  }

  /** What sends everybody a datagram that means nothing. */
  async broadcaster(): Promise<() => void> {
    const made = await this.#made(
      `require("dgram").createSocket("udp4").bind(() => { made.setBroadcast(true); give(); })`,
    );
    if (!(made instanceof Socket)) throw new Error("no socket was made");
    onTestFinished(() => void made.close());
    return () => made.send("", DISCARD, EVERYBODY);
  }

  /** A socket that an expression makes at the peer, which hands it over by `give()`. It stays of that namespace wherever it is used. */
  async #made(expression: string): Promise<unknown> {
    const script = `const give = () => process.send("made", made); const made = ${expression}`;
    const maker = this.#peer.spawn(process.execPath, ["-e", script], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const [, made] = await withLimit(once(maker, "message"), MADE_LIMIT_MS, "nothing was made at the peer");
    maker.kill("SIGKILL");
    return made;
  }
}

async function host(peer: Namespace, port: string): Promise<Host> {
  const namespace = await peer.beside();
  await namespace.run(makeBridge());
  await peer.run(`ip link add ${port} master bridge up type veth peer uplink netns ${namespace.pid}`);
  await namespace.run("ip link set uplink master bridge up");
  return { port, spawn: namespace.spawn };
}
