import { setTimeout as sleep } from "node:timers/promises";
import type { PortTarget } from "@portrait/replayer";
import { z } from "zod";
import type { BodyPiece, DeviceField, GuestSource } from "../../machine.ts";
import { MonitorPorts } from "../monitor-ports.ts";
import { markLog } from "../capture/mark.ts";
import { QmpClient } from "../qmp.ts";
import { QtestTarget } from "../qtest-target.ts";
import { isDevice, strippedTail } from "../stream/kept-sections.ts";
import { StreamScanner } from "../stream/stream-scanner.ts";
import { outgoingStream } from "./outgoing.ts";
import { runState } from "./status.ts";
import { QEMU, versionText } from "./version.ts";

/** Stops after which one that is not between interrupts is taken. */
const STOP_LIMIT = 50;
const memorySchema = z.object({ "base-memory": z.int(), "plugged-memory": z.int().default(0) });

/** Sockets of a QEMU whose guest is to leave. */
export interface QemuSourceSockets {
  /** Path of its QMP socket, one that no recorder uses: QEMU serves one client on each. */
  readonly qmp: string;
  /** Path of its qtest socket, which reads registers faster; undefined: its monitor serves. */
  readonly qtest?: string | undefined;
}

/** A QEMU whose guest is to leave. It need not have been started for it. */
export class QemuSource implements GuestSource {
  readonly engine = QEMU;
  readonly engineVersion: string;
  readonly memorySize: number;
  readonly ports: PortTarget;
  readonly #qmp: QmpClient;
  readonly #qtest: QtestTarget | undefined;
  #wasRunning = false;
  #fields: readonly DeviceField[] = [];

  private constructor(qmp: QmpClient, qtest: QtestTarget | undefined, memorySize: number) {
    this.engineVersion = versionText(qmp.version);
    this.memorySize = memorySize;
    this.ports = qtest ?? new MonitorPorts(qmp);
    this.#qmp = qmp;
    this.#qtest = qtest;
  }

  /** Connects; the guest is not touched. @throws QemuError */
  static async connect(sockets: QemuSourceSockets): Promise<QemuSource> {
    const qmp = await QmpClient.connect(sockets.qmp);
    try {
      const memory = memorySchema.parse(await qmp.execute("query-memory-size-summary"));
      const qtest = sockets.qtest === undefined ? undefined : await QtestTarget.connect(sockets.qtest);
      return new QemuSource(qmp, qtest, memory["base-memory"] + memory["plugged-memory"]);
    } catch (error) {
      qmp.close();
      throw error;
    }
  }

  /**
   * Stops the guest, if it can be between two interrupts: what is in service or pending cannot be rebuilt by ports. Gives
   * false where 50 stops found none such; then it is stopped all the same.
   */
  async stop(): Promise<boolean> {
    if ((await runState(this.#qmp)) !== "running") return this.#isQuiet();
    this.#wasRunning = true;
    for (let tries = 1; ; tries++) {
      await this.#qmp.execute("stop");
      const quiet = await this.#isQuiet();
      if (quiet || tries === STOP_LIMIT) return quiet;
      await this.#qmp.execute("cont");
      await sleep(1 + 4 * Math.random());
    }
  }

  /** Puts a marker into the trace of whoever captures this QEMU, and gives its text. @throws QemuError */
  mark(): Promise<string> {
    return markLog(this.#qmp);
  }

  /** Lets the guest go on, if it ran when it was stopped. */
  async resume(): Promise<void> {
    if (this.#wasRunning) await this.#qmp.execute("cont");
    this.#wasRunning = false;
  }

  /** The migration stream without its device sections, which stay here. @throws QemuError, StreamError */
  async *body(): AsyncGenerator<BodyPiece, void> {
    const scanner = new StreamScanner();
    for await (const chunk of outgoingStream(this.#qmp)) {
      const bytes = scanner.push(chunk);
      if (bytes.length > 0) yield { kind: "stream", parts: [bytes] };
    }
    const tail = scanner.end();
    this.#fields = tail.sections.filter(isDevice).flatMap(({ fields }) => fields);
    yield { kind: "stream", parts: [strippedTail(tail)] };
  }

  /** The sections that {@link body} took out. */
  deviceFields(): readonly DeviceField[] {
    return this.#fields;
  }

  /** Ends the connection; the guest is not touched. */
  close(): void {
    this.#qtest?.close();
    this.#qmp.close();
  }

  /** True when no interrupt is in service, and none pending that is not masked. */
  async #isQuiet(): Promise<boolean> {
    const text = await this.#qmp.monitor("info pic");
    const pics = [...text.matchAll(/^pic\d: irr=([0-9a-f]{2}) imr=([0-9a-f]{2}) isr=([0-9a-f]{2})/gm)];
    return pics.every(([, irr, imr, isr]) => {
      const [pending, masked, inService] = [irr, imr, isr].map((digits) => parseInt(digits ?? "0", 16));
      return inService === 0 && ((pending ?? 0) & ~(masked ?? 0)) === 0;
    });
  }
}
