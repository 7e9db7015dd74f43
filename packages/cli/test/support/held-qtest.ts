import { createConnection, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A qtest socket in front of a QEMU's own, which holds the first port access back. */
export interface HeldQtest {
  readonly path: string;
  /** Resolves once an access is held back. */
  readonly held: Promise<void>;
  /** Passes it and everything else on. */
  release(): void;
}

/** Listens at `path` for one client, and hands on to the qtest socket `to`. It ends with the test. */
export function holdQtest(path: string, to: string): Promise<HeldQtest> {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let hold: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (hold = resolve));
  const server = createServer((client: Socket) => {
    const qemu = createConnection(to);
    for (const end of [client, qemu]) end.on("error", () => undefined);
    onTestFinished(() => void qemu.destroy());
    qemu.pipe(client);
    client.on("data", (bytes: Buffer) => {
      if (!/^(in|out)[bwl] /m.test(bytes.toString())) {
        qemu.write(bytes);
        return;
      }
      hold();
      void released.then(() => qemu.write(bytes));
    });
  });
  onTestFinished(() => void server.close());
  return new Promise((resolve) => server.listen(path, () => resolve({ path, held, release })));
}
