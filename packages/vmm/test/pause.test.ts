import { expect, test } from "vitest";
import { QmpClient } from "../src/index.ts";
import { stopQuietly, Tally } from "../src/qemu/migration/pause.ts";
import { fakeQmp, GREETING, ok } from "./support/fake-qmp.ts";

const QUIET = "pic1: irr=00 imr=ff isr=00\r\npic0: irr=00 imr=fe isr=00\r\n";

/** Whether a guest was looked at that is in this run state once QEMU has answered `stop`, and how that ended. */
async function stopped(status: string): Promise<{ readonly looks: number; readonly how: string }> {
  const answers: Readonly<Record<string, unknown>> = { "query-status": { status }, "human-monitor-command": QUIET };
  const client = await QmpClient.connect(await fakeQmp(GREETING, (id, command) => ok(id, answers[command] ?? {})));
  let looks = 0;
  const look = () => {
    looks++;
    return Promise.resolve([]);
  };
  const how = await stopQuietly(client, look, new Tally()).then(
    () => "stopped",
    ({ code, message }) => `${code}: ${message}`,
  );
  client.close();
  return { looks, how };
}

test("a guest is looked at once it is stopped, and not while QEMU is still stopping it by itself", async () => {
  expect(await stopped("paused")).toEqual({ looks: 1, how: "stopped" });
  expect(await stopped("finish-migrate")).toEqual({
    looks: 0,
    how: expect.stringMatching(/^COMMAND: .*QEMU stops the guest by itself/),
  });
});
