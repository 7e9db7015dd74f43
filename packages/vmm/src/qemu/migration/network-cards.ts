import { QemuError } from "../errors.ts";
import type { QmpClient } from "../qmp.ts";

/** How often, and how many milliseconds apart, a network is told where a guest's cards are now: as QEMU does after a migration of its own. */
const ANNOUNCEMENT = { initial: 50, max: 550, rounds: 5, step: 100 };

/**
 * Cards that plans have loop frames back. They do that whatever their link is (RTL8139C datasheet, TCR), and QEMU's only while the cable is in. Their plans
 * have them take what QEMU keeps for them while their receiver is off.
 */
const LOOPED_BACK = new Set(["rtl8139"]);

/**
 * The network cards of a QEMU. While one is rebuilt its cable must be out: QEMU keeps frames for a guest that does not run, and hands them to a card as
 * soon as a write starts it, in the middle of a plan. Of {@link LOOPED_BACK} the cable stays where it is.
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
    const unplugged = cards.filter(([, , model]) => !LOOPED_BACK.has(model ?? ""));
    return new NetworkCards(
      qmp,
      unplugged.map(([, name]) => name ?? ""),
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
