import type { QemuTarget } from "../../src/index.ts";
import { after } from "./bodies.ts";
import type { QemuProcess } from "./qemu-process.ts";

/** When a destination is struck: after so many pieces of CPU and memory, before the plan, or before it is compared. */
export type Moment = number | "plan" | "comparison";

/** A destination that gets a signal at that moment: it dies, or stands still. */
export function struck(
  target: QemuTarget,
  { process }: QemuProcess,
  moment: Moment,
  signal: "SIGKILL" | "SIGSTOP" = "SIGKILL",
): QemuTarget {
  const strike = () => void process.kill(signal);
  const restore = target.restore.bind(target);
  const readDump = target.readDump.bind(target);
  target.restore = async (body) => {
    await restore(typeof moment === "number" ? after(body, moment, strike) : body);
    if (moment === "plan") strike();
  };
  target.readDump = (dump) => {
    const compare = readDump(dump);
    return () => {
      if (moment === "comparison") strike();
      return compare();
    };
  };
  return target;
}
