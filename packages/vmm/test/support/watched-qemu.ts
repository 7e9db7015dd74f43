import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { builtinDescriptions, Classifier, loadLibrary } from "@portrait/classifier";
import { BatchBuilder, QemuLog } from "@portrait/tracer";
import { QmpClient } from "../../src/index.ts";
import { startQemu, type QemuProcess } from "./qemu-process.ts";
import { SerialConsole } from "./serial-console.ts";

/** All of Portrait's descriptions, as QEMU decodes ports. */
export const library = loadLibrary(builtinDescriptions(), { aliases: false });

/** A QEMU with a serial console, a qtest socket, and a log of every access. */
export interface WatchedQemu extends QemuProcess {
  readonly qtest: string;
  readonly log: AccessLog;
  readonly console: SerialConsole;
}

/** Starts a machine with these options, watched. Its guest has not run yet. */
export async function startWatched(command: string, options: readonly string[]): Promise<WatchedQemu> {
  const qemu = await startQemu(command, [
    "-S",
    ...["-serial", "unix:FOLDER/serial,server=on,wait=off"],
    ...["-qtest", "unix:FOLDER/qtest,server=on,wait=off", "-qtest-log", "none"],
    ...["-trace", "memory_region_ops_read", "-trace", "memory_region_ops_write", "-D", "FOLDER/log"],
    ...options,
  ]);
  const { folder } = qemu;
  const console = await SerialConsole.connect(join(folder, "serial"));
  return { ...qemu, qtest: join(folder, "qtest"), log: new AccessLog(join(folder, "log")), console };
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
