import { describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { debianDevicesLinux } from "../../../test-support/debian-linux.ts";
import { program } from "../../../test-support/program.ts";
import { QemuTarget, type MigrationReport } from "../src/index.ts";
import { BridgedNetwork } from "./support/bridged-network.ts";
import {
  bootBusy,
  endBusy,
  goesOn,
  moveByQemu,
  startWaiting,
  surroundings,
  type BusyLinux,
} from "./support/busy-linux.ts";
import { migrateCaptured, moveCaptured } from "./support/captured-guest.ts";
import { struck } from "./support/struck-target.ts";
import { Figures } from "./support/figures.ts";
import { without, type Write } from "./support/partial-ports.ts";

/** Migrations of each guest. Of more than a few the figures are printed, beside those of as many by QEMU itself. */
const MOVES = Number(process.env["PORTRAIT_MOVES"] ?? 4);
const FEW = 10;
const LIMIT_MS = 120_000 + MOVES * 30_000;

const TUNED = { "downtime-limit": 20, "max-bandwidth": 4 * 2 ** 30 };
const UNTUNED = { "downtime-limit": 300, "max-bandwidth": 2 ** 30 };

async function busy(context: TestContext, card: string, append = ""): Promise<BusyLinux> {
  const linux = need(context, debianDevicesLinux());
  const command = need(context, program("qemu-system-x86_64"));
  need(context, program("mke2fs"));
  const kind = { command, linux: { ...linux, append: `${linux.append}${append}` }, card };
  return bootBusy(await surroundings(kind, await BridgedNetwork.make(context)));
}

/** Lets QEMU itself move a guest as often, or until it has lost it; gives what became of that. */
async function movesByQemu(first: BusyLinux, figures: Figures): Promise<string> {
  let guest = first;
  const { around } = guest;
  for (let move = 0; move < MOVES; move++) {
    const [how, parameters] = move % 2 === 0 ? (["QEMU", UNTUNED] as const) : (["QEMU, tuned", TUNED] as const);
    const to = await startWaiting(guest);
    try {
      guest = await figures.stall(how, around.peer, async () => {
        const moved = await moveByQemu(guest, to, parameters);
        await goesOn(moved);
        return moved;
      });
    } catch (error) {
      return `QEMU lost the guest at its move ${move + 1}: ${String(error).slice(0, 100)}`;
    }
  }
  const { bad, fileSystem } = await endBusy(guest);
  return `moved by QEMU: ${bad.length} bad files, e2fsck ended with ${fileSystem[0]}`;
}

/** What of a migration must be as it should, with the number of the migration. */
const judged = (move: number, { plan, result }: MigrationReport) => [
  move,
  plan.unknown,
  result.comparison.different,
  result.comparison.fields > 4_000,
];

/** Devices whose writes are left out of a plan, and how a field of theirs is called, which then differs. */
const leftOut: readonly {
  readonly what: string;
  readonly field: RegExp;
  readonly isOf: (write: Write, card: number) => boolean;
}[] = [
  { what: "the PIC", field: /i8259\[[01]\]\./, isOf: ({ port }) => [0x20, 0x21, 0xa0, 0xa1].includes(port) },
  { what: "the PIT", field: /i8254\[0\]\./, isOf: ({ port }) => port >= 0x40 && port <= 0x43 },
  {
    what: "PIRQ routing",
    field: /PIIX3\[0\]\..*config\[9[6-9]\]/,
    isOf: ({ pci = 0 }) => pci >= 0x860 && pci <= 0x863,
  },
  {
    what: "base addresses",
    field: /config\[(1[6-9]|2\d|3\d)\]/,
    isOf: ({ pci = 0 }) => (pci & 0xff) >= 0x10 && (pci & 0xff) < 0x28,
  },
  { what: "IDE", field: /\/ide\b/, isOf: ({ port }) => (port >= 0x1f0 && port <= 0x1f7) || port === 0x3f6 },
  { what: "the network card", field: /ne2000\[0\]\./, isOf: ({ port }, card) => port >= card && port < card + 0x20 },
];

/** Where a device's ports are. */
function placeOf({ classifier }: BusyLinux, name: string): number {
  const { base } = classifier.states.find(({ instance }) => instance.name === name)?.whereabouts ?? {};
  if (base === undefined) throw new Error(`the guest has not given ${name} a place`);
  return base;
}

describe("a Linux that uses its disk and its network without pause", { timeout: LIMIT_MS }, () => {
  test.for([
    { card: "ne2k_pci", disk: "DMA", append: "" },
    { card: "pcnet", disk: "PIO", append: " libata.dma=0" },
    { card: "rtl8139", disk: "DMA", append: "" },
  ])(
    "goes on with its disk by $disk and its TCP connection over $card, every other time running until its memory has left",
    async ({ card, append }, context) => {
      const figures = new Figures(card);
      let guest = await busy(context, card, append);
      const { around } = guest;
      const broadcast = await around.network.broadcaster();
      for (let move = 0; move < MOVES; move++) {
        const how = move % 2 === 0 ? "stopped" : "running";
        guest = await figures.stall(how, around.peer, async () => {
          const to = await startWaiting(guest);
          // QEMU keeps it for the guest that is to come, whose card must not get it before that runs.
          broadcast();
          const moved = await moveCaptured(guest, to, how);
          expect(await around.network.portOfCard()).toBe(to.host.port);
          expect(judged(move, moved.report)).toEqual([move, [], [], true]);
          await goesOn(moved.guest);
          return moved.guest;
        });
      }
      const { blocks } = around.peer;
      const { rounds, ...outcome } = await endBusy(guest);
      expect(outcome).toEqual({ bad: [], failures: [], fileSystem: [0, ""] });
      expect(rounds).toEqual(rounds.map((_, i) => i + 1));
      if (MOVES <= FEW) return;
      const lost = await movesByQemu(await busy(context, card, append), figures);
      figures.print([`${rounds.length} rounds on the disk, ${blocks} blocks came back`, lost]);
    },
  );

  test("goes on where it is, with nothing lost, whatever its destination lacks or suffers", async (context) => {
    const guest = await busy(context, "ne2k_pci");
    const expectGoesOn = async (migrate: () => Promise<unknown>, code: RegExp, message: RegExp) => {
      const error = { code: expect.stringMatching(code), message: expect.stringMatching(message) };
      await expect(migrate()).rejects.toMatchObject(error);
      await goesOn(guest);
    };

    const card = placeOf(guest, "ne2k_pci1");
    for (const { what, field, isOf } of leftOut) {
      let printed: string | undefined;
      const migrate = async () => {
        const to = await startWaiting(guest);
        const partial = async () => {
          const target = await QemuTarget.connect(to);
          const ports = without(target.ports, (write) => isOf(write, card));
          return Object.defineProperty(target, "ports", { value: ports });
        };
        await migrateCaptured(guest, "stopped", partial).finally(() => (printed = to.console.text));
      };
      await expectGoesOn(migrate, /VERIFY/, field);
      expect([what, printed]).toEqual([what, ""]);
    }

    for (const moment of [0, 40, "plan", "comparison"] as const) {
      const migrate = async () => {
        const to = await startWaiting(guest);
        return migrateCaptured(guest, "running", async () => struck(await QemuTarget.connect(to), to, moment));
      };
      await expectGoesOn(migrate, /MISMATCH|CLOSED|PORT_TARGET/, /QEMU/);
    }

    const toOther = async () => {
      const other = await startWaiting(guest, "pcnet");
      return migrateCaptured(guest, "stopped", () => QemuTarget.connect(other));
    };
    await expectGoesOn(toOther, /MISMATCH/, /its ne2k_pci at .* is a pcnet here/);

    const { rounds, ...outcome } = await endBusy(guest);
    expect(outcome).toEqual({ bad: [], failures: [], fileSystem: [0, ""] });
    expect(rounds).toEqual(rounds.map((_, i) => i + 1));
  });
});
