import { QemuError } from "../errors.ts";
import type { QmpClient } from "../qmp.ts";

/** How often, and how many milliseconds apart, a network is told where a guest's cards are now: as QEMU does after a migration of its own. */
const ANNOUNCEMENT = { initial: 50, max: 550, rounds: 5, step: 100 };

/**
 * Cards that a plan starts. Of all others the cable stays where it is: those that no plan rebuilds (e1000) would show that it was out. An RTL8139 loops frames back
 * while it is rebuilt; it does that whatever its link is (RTL8139C datasheet, TCR), and QEMU's only while the cable is in. Its plan has it take what QEMU
 * keeps for it while its receiver is off.
 */
const STARTED = new Set(["ne2k_pci", "ne2k_isa", "pcnet", "virtio-net-pci"]);

/**
 * The network cards of a QEMU. While one is rebuilt its cable must be out: QEMU keeps frames for a guest that does not run, and hands them to a card as
 * soon as a write starts it, in the middle of a plan.
 */
export class NetworkCards {
  readonly #qmp: QmpClient;
  readonly #names: readonly string[];
  #plugged = true;

  private constructor(qmp: QmpClient, names: readonly string[]) {
    this.#qmp = qmp;
    this.#names = names;
  }

  /** @throws QemuError */
  static async find(qmp: QmpClient): Promise<NetworkCards> {
    const text = await qmp.monitor("info network");
    const cards = [...text.matchAll(/(\S+): index=\d+,type=nic,model=([^,\s]+)/g)];
    const started = cards.filter(([, , model]) => STARTED.has(model ?? ""));
    return new NetworkCards(
      qmp,
      started.map(([, name]) => name ?? ""),
    );
  }

  /** Takes the cables out. Frames that have come go nowhere. @throws QemuError */
  unplug(): Promise<void> {
    return this.#link(false);
  }

  /** Puts the cables back. @throws QemuError */
  plug(): Promise<void> {
    return this.#link(true);
  }

  /**
   * Has a running QEMU tell the network where its guest's addresses are now, by broadcasts (RARP) that switches learn from. A guest runs as well
   * where QEMU refuses: the network then learns it from the guest's next frame.
   * @throws QemuError
   */
  async announce(): Promise<void> {
    await this.#qmp.execute("announce-self", ANNOUNCEMENT).catch((error: unknown) => {
      if (!(error instanceof QemuError && error.code === "COMMAND")) throw error;
    });
  }

  async #link(up: boolean): Promise<void> {
    if (up === this.#plugged) return;
    this.#plugged = up;
    await Promise.all(this.#names.map((name) => this.#qmp.execute("set_link", { name, up })));
  }
}
