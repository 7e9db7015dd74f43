import { describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { debianDevicesLinux } from "../../../test-support/debian-linux.ts";
import { program } from "../../../test-support/program.ts";
import { QemuTarget, type MigrationReport } from "../src/index.ts";
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
import { dying } from "./support/dying-target.ts";
import { Figures } from "./support/figures.ts";
import { without, type Write } from "./support/partial-ports.ts";

/** Migrations of each guest. With more of them, as many by QEMU itself come after, and the figures are printed. */
const MOVES = Number(process.env["PORTRAIT_MOVES"] ?? 4);
const FEW = 10;
const LIMIT_MS = 120_000 + MOVES * 30_000;

const TUNED = { "downtime-limit": 20, "max-bandwidth": 4 * 2 ** 30 };
const UNTUNED = { "downtime-limit": 300, "max-bandwidth": 2 ** 30 };

async function busy(context: TestContext, card: string, append = ""): Promise<BusyLinux> {
  const linux = need(context, debianDevicesLinux());
  const command = need(context, program("qemu-system-x86_64"));
  need(context, program("mke2fs"));
  return bootBusy(await surroundings({ command, linux: { ...linux, append: `${linux.append}${append}` }, card }));
}

/** What of a migration must be as it should, with the number of the migration. */
const judged = (move: number, { plan, result }: MigrationReport) => [
  move,
  plan.unknown,
  result.comparison.different,
  result.comparison.fields > 4_000,
];

describe("a Linux that uses its disk and its network without pause", { timeout: LIMIT_MS }, () => {
  test.for([
    { card: "ne2k_pci", disk: "DMA", append: "" },
    { card: "pcnet", disk: "PIO", append: " libata.dma=0" },
  ])(
    "goes on with its disk by $disk and its TCP connection over $card, every other time running until its memory has left",
    async ({ card, append }, context) => {
      let guest = await busy(context, card, append);
      const { around } = guest;
      const figures = new Figures(card);
      const next = async (how: string, move: (guest: BusyLinux) => Promise<BusyLinux>) => {
        around.peer.longestMs();
        guest = await move(guest);
        await goesOn(guest);
        figures.add(how, around.peer.longestMs());
      };
      for (let move = 0; move < MOVES; move++) {
        const how = move % 2 === 0 ? "stopped" : "running";
        const to = await startWaiting(around);
        // QEMU keeps it for the guest that is to come, whose card must not get it before that runs.
        around.network.broadcast();
        await next(how, async (from) => {
          const moved = await moveCaptured(from, to, how);
          expect(judged(move, moved.report)).toEqual([move, [], [], true]);
          return moved.guest;
        });
      }
      for (let move = 0; move < MOVES && MOVES > FEW; move++) {
        const [how, parameters] = move % 2 === 0 ? ["QEMU", UNTUNED] : ["QEMU, tuned", TUNED];
        const to = await startWaiting(around);
        await next(how, (from) => moveByQemu(from, to, parameters));
      }
      const blocks = around.peer.blocks;
      const { rounds, ...outcome } = await endBusy(guest);
      expect(outcome).toEqual({ bad: [], failures: [], fileSystem: [0, ""] });
      expect(rounds).toEqual(rounds.map((_, i) => i + 1));
      if (MOVES > FEW) figures.print({ rounds: rounds.length, blocks });
    },
  );
});

/** Devices whose writes are left out, what else tells them, and how a field of theirs is called that then differs. */
const leftOut: readonly {
  readonly what: string;
  readonly writes: (guest: BusyLinux) => (write: Write) => boolean;
  readonly field: RegExp;
}[] = [
  {
    what: "the PIC",
    writes:
      () =>
      ({ port }) =>
        [0x20, 0x21, 0xa0, 0xa1].includes(port),
    field: /i8259\[[01]\]\./,
  },
  {
    what: "the PIT",
    writes:
      () =>
      ({ port }) =>
        port >= 0x40 && port <= 0x43,
    field: /i8254\[0\]\./,
  },
  {
    what: "PIRQ routing",
    writes:
      () =>
      ({ pci }) =>
        pci !== undefined && pci >= 0x860 && pci <= 0x863,
    field: /PIIX3\[0\]\..*config\[9[6-9]\]/,
  },
  {
    what: "base addresses",
    writes:
      () =>
      ({ pci = 0 }) =>
        (pci & 0xff) >= 0x10 && (pci & 0xff) < 0x28,
    field: /config\[(1[6-9]|2\d|3\d)\]/,
  },
  {
    what: "IDE",
    writes:
      () =>
      ({ port }) =>
        (port >= 0x1f0 && port <= 0x1f7) || port === 0x3f6,
    field: /\/ide\b/,
  },
  { what: "the network card", writes: cardOf, field: /ne2000\[0\]\./ },
];

/** Writes to the network card, wherever it stands. */
function cardOf({ classifier }: BusyLinux): (write: Write) => boolean {
  const card = classifier.states.find(({ instance }) => instance.name === "ne2k_pci1");
  const base = card?.whereabouts.base ?? 0;
  return ({ port }) => base > 0 && port >= base && port < base + 0x20;
}

describe("a Linux that uses its disk and its network without pause", { timeout: LIMIT_MS }, () => {
  test("goes on where it is, with nothing lost, whatever its destination lacks or suffers", async (context) => {
    const guest = await busy(context, "ne2k_pci");
    const { around } = guest;
    const expectGoesOn = async (migrating: Promise<unknown>, code: RegExp, message: RegExp) => {
      const error = { code: expect.stringMatching(code), message: expect.stringMatching(message) };
      await expect(migrating).rejects.toMatchObject(error);
      await goesOn(guest);
    };

    for (const { what, writes, field } of leftOut) {
      const to = await startWaiting(around);
      const partial = async () => {
        const target = await QemuTarget.connect(to);
        const ports = without(target.ports, writes(guest));
        return Object.defineProperty(target, "ports", { value: ports });
      };
      await expectGoesOn(migrateCaptured(guest, "stopped", partial), /VERIFY/, field);
      expect([what, to.console.text]).toEqual([what, ""]);
    }

    for (const moment of [0, 40, "plan", "comparison"] as const) {
      const to = await startWaiting(around);
      const doomed = async () => dying(await QemuTarget.connect(to), to, moment);
      await expectGoesOn(migrateCaptured(guest, "running", doomed), /MISMATCH|CLOSED|PORT_TARGET/, /QEMU/);
    }

    const other = await startWaiting({ ...around, card: "pcnet" });
    await expectGoesOn(
      migrateCaptured(guest, "stopped", () => QemuTarget.connect(other)),
      /PORT_TARGET/,
      /another machine.*ne2k_pci1/,
    );

    const { rounds, ...outcome } = await endBusy(guest);
    expect(outcome).toEqual({ bad: [], failures: [], fileSystem: [0, ""] });
    expect(rounds).toEqual(rounds.map((_, i) => i + 1));
  });
});
