import { CPU_VIEWS } from "./cpu-views.ts";
import { DEVICE_PROPERTIES, PIC_LAYOUT, PIC_SLAVE_INDEX, propertyOf } from "./device-fields.ts";
import { V86Error } from "./errors.ts";
import type { V86Cpu, V86Emulator } from "./internals.ts";
import { WASM_TABLE_LENGTH } from "./jit.ts";

const EMULATOR_FUNCTIONS = ["add_listener", "destroy", "bus.send"];

const CPU_FUNCTIONS = [
  "main_loop",
  "handle_irqs",
  "update_state_flags",
  "full_clear_tlb",
  "jit_clear_cache",
  "set_tsc",
  "store_current_tsc",
  "get_state_pic",
  "codegen_finalize",
  "codegen_finalize_finished",
  "io.create_empty_entry",
  "io.port_read8",
  "io.port_read16",
  "io.port_read32",
  "io.port_write8",
  "io.port_write16",
  "io.port_write32",
  "wm.wasm_table.set",
];

const OTHER_VIEWS = { memory_size: 1, instruction_counter: 1, current_tsc: 2 };

/** Throws {@link V86Error} `V86_VERSION` unless the value has what is used of v86's emulator object. */
export function assertEmulator(emulator: unknown): asserts emulator is V86Emulator {
  for (const name of EMULATOR_FUNCTIONS) expectType(emulator, name, "function");
}

/**
 * Throws {@link V86Error} `V86_VERSION` unless the value has what is used of v86's CPU: every function, every view with
 * its length, every device property, and the layout of the interrupt controller's state.
 */
export function assertCpu(cpu: unknown): asserts cpu is V86Cpu {
  for (const name of CPU_FUNCTIONS) expectType(cpu, name, "function");
  for (const [name, length] of Object.entries({ ...CPU_VIEWS, ...OTHER_VIEWS })) expectLength(cpu, name, length);
  expectLength(cpu, "io.ports", 0x10000);
  expectLength(cpu, "wm.wasm_table", WASM_TABLE_LENGTH);
  expectType(cpu, "wasm_memory.buffer", "object");
  expectType(cpu, "jit_imports", "object");
  expectType(cpu, "fw_pointer", "number");
  expectType(cpu, "fw_value.length", "number");
  expectType(cpu, "mem8.byteOffset", "number");
  for (const [device, properties] of Object.entries(DEVICE_PROPERTIES)) {
    for (const property of properties) expectPresent(cpu, `devices.${device}.${property}`);
  }
  expectPresent(cpu, "devices.pci.device_spaces");
  expectPicLayout(cpu);
}

function expectPicLayout(cpu: unknown): void {
  const getState = propertyOf(cpu, "get_state_pic");
  const pic: unknown = typeof getState === "function" ? Reflect.apply(getState, cpu, []) : undefined;
  expectLength({ pic }, "pic", PIC_LAYOUT.length);
  expectLength({ pic }, `pic.${PIC_SLAVE_INDEX}`, PIC_LAYOUT.length);
}

function expectType(object: unknown, path: string, type: "function" | "object" | "number"): void {
  const found = typeof propertyOf(object, path);
  if (found !== type) throw shapeError(path, `is ${found}, expected ${type}`);
}

function expectLength(object: unknown, path: string, length: number): void {
  const found = propertyOf(object, `${path}.length`);
  if (found !== length) throw shapeError(path, `has length ${String(found)}, expected ${length}`);
}

function expectPresent(object: unknown, path: string): void {
  if (propertyOf(object, path) === undefined) throw shapeError(path, "is missing");
}

function shapeError(path: string, what: string): V86Error {
  return new V86Error(
    "V86_VERSION",
    `v86 is not built as version 0.5.462 is: ${path} ${what}. Install exactly that version (npm install v86@0.5.462).`,
  );
}
