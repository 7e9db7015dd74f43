import { z } from "zod";
import type { QmpClient } from "../qmp.ts";

/** Bytes a second; far more than any socket takes. */
const BANDWIDTH = 2 ** 40;
/** What changes the stream's form, or makes the source wait for answers of the destination. */
const CAPABILITIES = new Set([
  "xbzrle",
  "compress",
  "multifd",
  "zero-blocks",
  "postcopy-ram",
  "return-path",
  "block",
  "dirty-bitmaps",
  "release-ram",
  "x-ignore-shared",
  "x-colo",
  "background-snapshot",
  "pause-before-switchover",
]);

const capabilitiesSchema = z.array(z.object({ capability: z.string(), state: z.boolean() }));
const parametersSchema = z.object({ "max-bandwidth": z.number() });

/** Sets a QEMU to write a plain migration stream as fast as it can. Gives what sets it back. @throws QemuError */
export async function plainStream(qmp: QmpClient): Promise<() => Promise<void>> {
  const found = capabilitiesSchema.parse(await qmp.execute("query-migrate-capabilities"));
  const on = found.filter(({ capability, state }) => state && CAPABILITIES.has(capability));
  const parameters = parametersSchema.parse(await qmp.execute("query-migrate-parameters"));
  const setBandwidth = (bytes: number) => qmp.execute("migrate-set-parameters", { "max-bandwidth": bytes });
  const setCapabilities = (state: boolean) =>
    qmp.execute("migrate-set-capabilities", {
      capabilities: on.map(({ capability }) => ({ capability, state })),
    });
  if (on.length > 0) await setCapabilities(false);
  await setBandwidth(BANDWIDTH);
  return async () => {
    await setBandwidth(parameters["max-bandwidth"]);
    if (on.length > 0) await setCapabilities(true);
  };
}
