import { describe, expect, test, type TestContext } from "vitest";
import { need } from "../../../test-support/available.ts";
import { debianDevicesLinux } from "../../../test-support/debian-linux.ts";
import { program } from "../../../test-support/program.ts";
import type { MigrationReport } from "../src/index.ts";
import {
  bootBusy,
  endBusy,
  goesOn,
  moveByQemu,
  startWaiting,
  surroundings,
  type BusyLinux,
} from "./support/busy-linux.ts";
import { moveCaptured } from "./support/captured-guest.ts";
import { Figures } from "./support/figures.ts";

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
