import { CPU_VIEWS } from "./cpu-views.ts";
import type { V86Cpu, View } from "./internals.ts";
import { V86Error } from "./errors.ts";

/** CPU and memory of a stopped guest, without any device. */
export interface CpuAndMemory {
  readonly engine: string;
  readonly engineVersion: string;
  /** The engine's own serialised CPU state: opaque outside its folder. */
  readonly cpu: Uint8Array;
  /** Guest RAM from address 0. A view into the machine: copy what outlives it. */
  readonly memory: Uint8Array;
}

/** Layout of the serialised CPU state; a reader refuses any other. */
const LAYOUT = 1;

type ViewName = keyof typeof CPU_VIEWS;

/** JSON of the serialised CPU state. */
interface CpuStateJson {
  readonly layout: typeof LAYOUT;
  /** Time-stamp counter, low and high 32 bits. */
  readonly tsc: readonly number[];
  readonly views: Readonly<Record<ViewName, readonly number[]>>;
}

const viewNames = Object.keys(CPU_VIEWS).filter((name): name is ViewName => name in CPU_VIEWS);

/** The CPU's state as UTF-8 JSON. */
export function captureCpu(cpu: V86Cpu): Uint8Array {
  cpu.store_current_tsc();
  const views: Record<string, number[]> = {};
  for (const name of viewNames) views[name] = numbersOf(cpu[name]);
  return Buffer.from(JSON.stringify({ layout: LAYOUT, tsc: numbersOf(cpu.current_tsc), views }));
}

/** Guest RAM from address 0 as a view that is valid until v86's memory grows. */
export function memoryOf(cpu: V86Cpu): Uint8Array {
  return new Uint8Array(cpu.wasm_memory.buffer, cpu.mem8.byteOffset, cpu.memory_size[0] ?? 0);
}

/** Puts a captured CPU state and memory in place. Throws {@link V86Error} `V86_STATE` before anything is changed. */
export function restoreCpuAndMemory(cpu: V86Cpu, state: Uint8Array, memory: Uint8Array): void {
  const { tsc, views } = parseCpuState(state);
  const own = memoryOf(cpu);
  if (memory.length !== own.length) {
    throw new V86Error(
      "V86_STATE",
      `the state has ${memory.length} bytes of memory and this machine ${own.length}; make a machine of the same memory size`,
    );
  }
  for (const name of viewNames) views[name].forEach((value, i) => (cpu[name][i] = value));
  cpu.set_tsc(tsc[0] ?? 0, tsc[1] ?? 0);
  own.set(memory);
  cpu.update_state_flags();
  cpu.full_clear_tlb();
  cpu.jit_clear_cache();
}

function numbersOf(view: View): number[] {
  return Array.from({ length: view.length }, (_, i) => view[i] ?? 0);
}

function parseCpuState(bytes: Uint8Array): CpuStateJson {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw new V86Error("V86_STATE", "the CPU state is not JSON; it was not captured from a v86 machine", { cause });
  }
  assertCpuState(json);
  return json;
}

function assertCpuState(json: unknown): asserts json is CpuStateJson {
  const state = recordOf(json, "the CPU state");
  if (state["layout"] !== LAYOUT) {
    throw new V86Error(
      "V86_STATE",
      `the CPU state has layout ${String(state["layout"])}, expected ${LAYOUT}; capture it again with this version`,
    );
  }
  assertIntegers(state["tsc"], 2, "tsc");
  const views = recordOf(state["views"], "views");
  for (const name of viewNames) assertIntegers(views[name], CPU_VIEWS[name], `views.${name}`);
}

function recordOf(value: unknown, place: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new V86Error("V86_STATE", `${place} is not an object`);
  return { ...value };
}

function assertIntegers(value: unknown, length: number, place: string): void {
  if (!Array.isArray(value) || value.length !== length || !value.every(is32Bit)) {
    throw new V86Error("V86_STATE", `CPU state, ${place}: expected ${length} 32-bit integers`);
  }
}

function is32Bit(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 32;
}
