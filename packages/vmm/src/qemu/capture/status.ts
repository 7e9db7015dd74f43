import { z } from "zod";
import { versionText, type QmpClient } from "../qmp.ts";

/** What a QEMU says of itself and its guest. */
export interface QemuStatus {
  /** As QEMU calls it: `7.2.22 (Debian 1:7.2+dfsg-7)`. */
  readonly version: string;
  /** The guest's name (`-name`); undefined where it has none. */
  readonly name: string | undefined;
  /** True before the guest has executed its first instruction since power-on or reset. */
  readonly fresh: boolean;
  readonly running: boolean;
}

const STATUS = z.object({ status: z.string(), running: z.boolean() });
const NAME = z.object({ name: z.string().optional() });

/** Asks a QEMU about itself and its guest. @throws QemuError */
export async function qemuStatus(client: QmpClient): Promise<QemuStatus> {
  const { status, running } = STATUS.parse(await client.execute("query-status"));
  const { name } = NAME.parse(await client.execute("query-name"));
  return {
    version: versionText(client.version),
    name,
    fresh: status === "prelaunch",
    running,
  };
}
