import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { builtinDescriptions, Classifier, loadLibrary } from "@portrait/classifier";
import { BatchBuilder, QemuLog } from "@portrait/tracer";
import { onTestFinished } from "vitest";
import type { DebianCloudLinux } from "../../../../test-support/debian-linux.ts";
import { QmpClient } from "../../src/index.ts";
import { startQemu, type QemuProcess } from "./qemu-process.ts";

/** All of Portrait's descriptions, as QEMU decodes ports. */
export const library = loadLibrary(builtinDescriptions(), { aliases: false });

/** A QEMU of the tests' kind, with a serial console, a qtest socket, and a log of every access. */
export interface LinuxQemu extends QemuProcess {
  readonly qtest: string;
  readonly log: AccessLog;
  readonly console: SerialConsole;
}

/** Starts the machine Linux boots on; `more` options say what becomes of it. Its guest has not run yet. */
export async function startMachine(
  command: string,
  linux: DebianCloudLinux,
  more: readonly string[],
): Promise<LinuxQemu> {
  const qemu = await startQemu(command, [
    ...["-machine", "pc,kernel-irqchip=off", "-cpu", "qemu64", "-nodefaults", "-m", "128", "-S"],
    ...["-kernel", linux.kernel, "-initrd", linux.initrd, "-append", linux.append],
    ...["-serial", "unix:FOLDER/serial,server=on,wait=off"],
    ...["-qtest", "unix:FOLDER/qtest,server=on,wait=off", "-qtest-log", "none"],
    ...["-trace", "memory_region_ops_read", "-trace", "memory_region_ops_write", "-D", "FOLDER/log"],
    ...more,
  ]);
  const { folder } = qemu;
  const console = await SerialConsole.connect(join(folder, "serial"));
  return { ...qemu, qtest: join(folder, "qtest"), log: new AccessLog(join(folder, "log")), console };
}

/** The serial port of a QEMU. */
export class SerialConsole {
  text = "";
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => (this.text += bytes.toString("latin1")));
    socket.on("error", () => undefined);
    onTestFinished(() => void socket.destroy());
  }

  /** Connects as soon as QEMU listens, 10 s at the most. */
  static async connect(path: string): Promise<SerialConsole> {
    for (let tries = 0; ; tries++) {
      const socket = createConnection(path);
      try {
        await once(socket, "connect");
        return new SerialConsole(socket);
      } catch (error) {
        if (tries === 400) throw error;
        await sleep(25);
      }
    }
  }

  type(text: string): void {
    this.#socket.write(text);
  }

  /** Waits until `text` was printed, at `from` or later. Throws after `limitMs`. */
  async until(text: string, limitMs: number, from = 0): Promise<void> {
    await this.#until(() => this.text.includes(text, from), JSON.stringify(text), limitMs);
  }

  /** Waits until so many lines `count N` were printed. Throws after `limitMs`. */
  async untilCounted(lines: number, limitMs = 20_000): Promise<void> {
    await this.#until(() => counts(this.text).length >= lines, `${lines} counts`, limitMs);
  }

  async #until(condition: () => boolean, what: string, limitMs: number): Promise<void> {
    for (const end = performance.now() + limitMs; !condition(); await sleep(10)) {
      if (performance.now() > end) throw new Error(`the guest did not print ${what}, but: ${this.text.slice(-2000)}`);
    }
  }
}

/** QEMU's log of accesses, read on from where it was read last. */
export class AccessLog {
  readonly #path: string;
  #read = 0;
  #log: QemuLog | undefined;
  #builder: BatchBuilder | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Feeds every access that the log has by now, and that an earlier call has not fed, to the classifier. */
  feed(classifier: Classifier): void {
    this.#builder ??= new BatchBuilder((batch) => classifier.feed(batch));
    this.#log ??= new QemuLog(this.#builder);
    if (!existsSync(this.#path)) return;
    const file = openSync(this.#path, "r");
    const chunk = Buffer.alloc(1 << 20);
    for (;;) {
      const bytes = readSync(file, chunk, 0, chunk.length, this.#read);
      if (bytes === 0) break;
      this.#read += bytes;
      this.#log.push(chunk.subarray(0, bytes));
    }
    closeSync(file);
    this.#builder.flush();
  }
}

/** Commands a QEMU while `use` runs. */
export async function control<T>({ qmp }: QemuProcess, use: (client: QmpClient) => Promise<T>): Promise<T> {
  const client = await QmpClient.connect(qmp);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** The numbers in the lines `count N` of a console. */
export function counts(console: string): number[] {
  return [...console.matchAll(/count (\d+)\r\n/g)].map(([, number]) => Number(number));
}
