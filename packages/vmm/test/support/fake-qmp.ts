import { createServer } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { testFolder } from "./qemu-process.ts";

/** What a QEMU says first. */
export const GREETING = '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""}}}';

/** The answer to a command. */
export const ok = (id: number, value: unknown = {}) => JSON.stringify({ return: value, id });

/** A server that says `greeting`, then answers each command with what `answer` says, or nothing, or hangs up. Gives its path. */
export async function fakeQmp(
  greeting: string,
  answer: (id: number, command: string) => string | undefined,
): Promise<string> {
  const path = join(testFolder(), "fake");
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (greeting !== "") socket.write(`${greeting}\n`);
    socket.on("data", (bytes) => {
      for (const [, command = "", id] of bytes.toString().matchAll(/"execute":"([^"]+)".*"id":(\d+)/g)) {
        const text = answer(Number(id), command);
        if (text === "hang up") socket.destroy();
        else if (text !== undefined) socket.write(`${text}\n`);
      }
    });
    onTestFinished(() => void socket.destroy());
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}
