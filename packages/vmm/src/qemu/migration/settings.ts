import { z } from "zod";
import type { QmpClient } from "../qmp.ts";

/** Bytes a second; far more than any socket takes. */
const BANDWIDTH = 2 ** 40;
const PAUSE = "pause-before-switchover";
const EVENTS = "events";
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
]);

const capabilitiesSchema = z.array(z.object({ capability: z.string(), state: z.boolean() }));
const parametersSchema = z.object({ "max-bandwidth": z.number(), "downtime-limit": z.number() });

/**
 * How often a stream goes over the memory of a guest that runs before it waits for `migrate-continue`: never, because the guest is
 * stopped; once; or until little is left.
 */
export type RunningRounds = "none" | "one" | "many";

/**
 * Milliseconds QEMU may plan to keep its guest stopped. With 0 it looks up what the guest has written only when it has stopped it; with 1,
 * the least else, whenever little seems to be left.
 */
const DOWNTIME_LIMIT = { one: 0, many: 1 } as const;

/** Sets a QEMU to write a plain migration stream as fast as it can. Gives what sets it back. @throws QemuError */
export async function plainStream(qmp: QmpClient, rounds: RunningRounds): Promise<() => Promise<void>> {
  const found = capabilitiesSchema.parse(await qmp.execute("query-migrate-capabilities"));
  const wanted = ({ capability, state }: (typeof found)[number]) =>
    capability === PAUSE ? rounds !== "none" : capability === EVENTS || (state && !CAPABILITIES.has(capability));
  const others = found.filter((one) => one.state !== wanted(one));
  const parameters = parametersSchema.parse(await qmp.execute("query-migrate-parameters"));
  const downtimeLimit = rounds === "none" ? parameters["downtime-limit"] : DOWNTIME_LIMIT[rounds];
  const setParameters = (values: typeof parameters) => qmp.execute("migrate-set-parameters", values);
  const setCapabilities = (capabilities: typeof found) => qmp.execute("migrate-set-capabilities", { capabilities });
  if (others.length > 0) await setCapabilities(others.map((one) => ({ ...one, state: !one.state })));
  await setParameters({ "max-bandwidth": BANDWIDTH, "downtime-limit": downtimeLimit });
  return async () => {
    await setParameters(parameters);
    if (others.length > 0) await setCapabilities(others);
  };
}
