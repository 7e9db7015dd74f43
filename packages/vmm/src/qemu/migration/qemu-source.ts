import type { PortTarget } from "@portrait/replayer";
import type { BodyPiece, LiveSource, Look, NetworkCard, Stops } from "../../machine.ts";
import { MonitorPorts } from "../monitor-ports.ts";
import { markLog } from "../capture/mark.ts";
import { QmpClient } from "../qmp.ts";
import { QtestTarget } from "../qtest-target.ts";
import { strippedTail } from "../stream/kept-sections.ts";
import { rehearseScan } from "../stream/rehearsal.ts";
import { StreamScanner } from "../stream/stream-scanner.ts";
import { installedCards } from "./installed-cards.ts";
import { memorySize } from "./memory-size.ts";
import { OutgoingStream } from "./outgoing.ts";
import { expectQuiet, stopQuietly, Tally } from "./pause.ts";
import { PreCopy } from "./pre-copy.ts";
import { runState } from "./status.ts";
import { QEMU, versionText } from "./version.ts";

/** Sockets of a QEMU whose guest is to leave. */
export interface QemuSourceSockets {
  /** Path of its QMP socket, one that no recorder uses: QEMU serves one client on each. */
  readonly qmp: string;
  /** Path of its qtest socket, which reads registers faster; undefined: its monitor serves. */
  readonly qtest?: string | undefined;
}

/** What a QEMU said of its machine. */
type Found = Pick<QemuSource, "memorySize" | "networkCards">;

/** A QEMU whose guest is to leave. It need not have been started for it. */
export class QemuSource implements LiveSource {
  readonly engine = QEMU;
  readonly engineVersion: string;
  readonly memorySize: number;
  readonly networkCards: readonly NetworkCard[];
  readonly ports: PortTarget;
  readonly #qmp: QmpClient;
  readonly #qtest: QtestTarget | undefined;
  #preCopy: PreCopy | undefined;
  #stream: OutgoingStream | PreCopy | undefined;
  #scanner = new StreamScanner();
  #stoppedAt = 0;
  #stops: Stops | undefined;
  #pending: readonly number[] = [];
  #wasRunning = false;
  #dump: Uint8Array = new Uint8Array();

  /** Ends the control connection, where it is this source's own. */
  #leave: () => void = () => undefined;

  private constructor(qmp: QmpClient, qtest: QtestTarget | undefined, found: Found) {
    this.engineVersion = versionText(qmp.version);
    this.memorySize = found.memorySize;
    this.networkCards = found.networkCards;
    this.ports = qtest ?? new MonitorPorts(qmp);
    this.#qmp = qmp;
    this.#qtest = qtest;
  }

  /** Connects; the guest is not touched. @throws QemuError */
  static async connect(sockets: QemuSourceSockets): Promise<QemuSource> {
    const qmp = await QmpClient.connect(sockets.qmp);
    try {
      const source = await QemuSource.over(qmp, sockets.qtest);
      source.#leave = () => qmp.close();
      return source;
    } catch (error) {
      qmp.close();
      throw error;
    }
  }

  /** As {@link connect}, over a control connection that goes on afterwards. @throws QemuError */
  static async over(qmp: QmpClient, qtestPath: string | undefined): Promise<QemuSource> {
    const found = { memorySize: await memorySize(qmp), networkCards: await installedCards(qmp) };
    const qtest = qtestPath === undefined ? undefined : await QtestTarget.connect(qtestPath);
    return new QemuSource(qmp, qtest, found);
  }

  get stoppedAt(): number {
    return this.#preCopy?.stoppedAt ?? this.#stoppedAt;
  }

  get stops(): Stops | undefined {
    return this.#preCopy?.stops ?? this.#stops;
  }

  get pending(): readonly number[] {
    return this.#preCopy?.pending ?? this.#pending;
  }

  get rounds(): number {
    return this.#preCopy?.rounds ?? 1;
  }

  /**
   * Stops the guest where ports can rebuild it: in no interrupt, and with nothing busy that `look` sees.
   * @throws QemuError BUSY where it is never so, or a guest that is paused is not; what `look` throws
   */
  async stop(look: Look): Promise<void> {
    if (!(await this.#findRunning(look))) return;
    const tally = new Tally();
    const { at, pending } = await stopQuietly(this.#qmp, look, tally);
    this.#stoppedAt = at;
    this.#pending = pending;
    this.#stops = tally.stops;
  }

  /** Puts a marker into the trace of whoever captures this QEMU, and gives its text. @throws QemuError */
  mark(): Promise<string> {
    return markLog(this.#qmp);
  }

  /** Ends the migration, and lets the guest go on if it ran when it was stopped. @throws QemuError */
  async resume(): Promise<void> {
    await this.#endStream();
    if (this.#wasRunning) await this.#qmp.execute("cont");
    this.#wasRunning = false;
  }

  /**
   * The stream's memory while the guest runs, until it is stopped as {@link stop} does; none of a guest that is paused. Where QEMU stops it
   * first while a device is busy, the stream is cut, the guest goes on, and all of its memory comes again.
   * @throws QemuError BUSY; StreamError; what `look` throws
   */
  async *ahead(look: Look): AsyncGenerator<BodyPiece, void> {
    if (!(await this.#findRunning(look))) return;
    rehearseScan();
    this.#scanner = new StreamScanner();
    let copy = await PreCopy.begin(this.#qmp, look);
    for (;;) {
      this.#preCopy = copy;
      this.#stream = copy;
      yield* this.#pieces(copy.memory());
      if (copy.quiet) return;
      yield* this.#pieces(copy.cut());
      yield { kind: "stream", parts: [this.#scanner.cut()] };
      await this.#endStream();
      copy = await copy.again();
    }
  }

  /**
   * The stream without its device sections, which stay here, from where {@link ahead} left it. Its last part, which has the sections, does
   * not begin before `registersRead` is fulfilled.
   * @throws QemuError, StreamError
   */
  async *body(registersRead: Promise<unknown> = Promise.resolve()): AsyncGenerator<BodyPiece, void> {
    if (this.#stream === undefined) {
      await registersRead;
      this.#stream = await OutgoingStream.open(this.#qmp, "none");
      this.#scanner = new StreamScanner();
    }
    const stream = this.#stream;
    yield* this.#pieces(stream.rest(registersRead));
    const tail = this.#scanner.end();
    this.#dump = tail.bytes;
    yield { kind: "stream", parts: [strippedTail(tail)] };
    await stream.completed();
  }

  get leaving(): Promise<void> {
    return this.#preCopy?.leaving ?? Promise.resolve();
  }

  /** The end of the stream with the sections that {@link body} took out. */
  deviceDump(): Uint8Array {
    return this.#dump;
  }

  /** Ends the migration and its own connections; the guest stays as it is. @throws QemuError */
  async close(): Promise<void> {
    try {
      await this.#endStream();
    } finally {
      this.#qtest?.close();
      this.#leave();
    }
  }

  /** Whether the guest runs. One that is paused is taken as it stands, and must be quiet. */
  async #findRunning(look: Look): Promise<boolean> {
    this.#stoppedAt = performance.now();
    const runs = (await runState(this.#qmp)) === "running";
    if (runs) this.#wasRunning = true;
    else this.#pending = await expectQuiet(this.#qmp, look);
    return runs;
  }

  async #endStream(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    await stream?.close();
  }

  async *#pieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<BodyPiece, void> {
    for await (const chunk of chunks) {
      const bytes = this.#scanner.push(chunk);
      if (bytes.length > 0) yield { kind: "stream", parts: [bytes] };
      // QEMU closes its end only some time after its last byte.
      if (this.#scanner.complete) return;
    }
  }
}
