import type { QemuTarget } from "../../src/index.ts";
import { after } from "./bodies.ts";
import type { QemuProcess } from "./qemu-process.ts";

/** When a destination is killed: after so many pieces of CPU and memory, before the plan, or before it is compared. */
export type Moment = number | "plan" | "comparison";

/** A destination that is killed at that moment. */
export function dying(target: QemuTarget, { process }: QemuProcess, moment: Moment): QemuTarget {
  const kill = () => void process.kill("SIGKILL");
  const restore = target.restore.bind(target);
  const readDump = target.readDump.bind(target);
  target.restore = async (body) => {
    await restore(typeof moment === "number" ? after(body, moment, kill) : body);
    if (moment === "plan") kill();
  };
  target.readDump = (dump) => {
    if (moment === "comparison") kill();
    return readDump(dump);
  };
  return target;
}
