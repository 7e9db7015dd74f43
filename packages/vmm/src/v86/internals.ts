import type { CPU_VIEWS } from "./cpu-views.ts";
import type { WasmImports } from "./web-assembly.ts";

/** A typed array over v86's memory; v86 makes it anew at every use, so it survives growth of that memory. */
export interface View {
  readonly length: number;
  readonly byteOffset: number;
  [index: number]: number;
}

/** v86's port bus (src/io.js). Values are signed as JavaScript's bit operators leave them. */
export interface V86Io {
  readonly ports: object[];
  create_empty_entry(): object;
  port_read8(port: number): number;
  port_read16(port: number): number;
  port_read32(port: number): number;
  port_write8(port: number, value: number): void;
  port_write16(port: number, value: number): void;
  port_write32(port: number, value: number): void;
}

/** The CPU registers that make up its state, as views; see {@link CPU_VIEWS}. */
export type V86CpuViews = { readonly [Name in keyof typeof CPU_VIEWS]: View };

/** What is used of v86's CPU object (src/cpu.js). */
export interface V86Cpu extends V86CpuViews {
  readonly memory_size: View;
  readonly instruction_counter: View;
  readonly current_tsc: View;
  readonly mem8: View;
  readonly wasm_memory: { readonly buffer: ArrayBuffer };
  readonly wm: { readonly wasm_table: { readonly length: number; set(index: number, value: unknown): void } };
  readonly jit_imports: Record<string, unknown>;
  readonly io: V86Io;
  readonly devices: Readonly<Record<string, unknown>>;
  readonly fw_pointer: number;
  readonly fw_value: { readonly length: number };
  /** Runs the guest for about a millisecond; gives the milliseconds it may sleep, 0 when it has work to do. */
  main_loop(): number;
  /** Enters the handler of an interrupt that is requested, if interrupts are on. */
  handle_irqs(): void;
  update_state_flags(): void;
  full_clear_tlb(): void;
  jit_clear_cache(): void;
  set_tsc(low: number, high: number): void;
  /** Puts the time-stamp counter into `current_tsc`. */
  store_current_tsc(): void;
  /** The master's 13 fields as in src/rust/cpu/pic.rs, the slave's as an array at index 5. */
  get_state_pic(): unknown;
  codegen_finalize: (index: number, start: number, stateFlags: number, pointer: number, length: number) => void;
  codegen_finalize_finished(index: number, start: number, stateFlags: number): void;
}

/** What is used of the emulator object that `new V86(options)` makes (src/browser/starter.js). */
export interface V86Emulator {
  readonly v86: { readonly cpu: V86Cpu; yield: () => void };
  readonly bus: { send(event: string, value: unknown): void };
  add_listener(event: string, listener: (value: unknown) => void): void;
  destroy(): Promise<void>;
}

/** A file handed to v86 as it is. */
export interface V86File {
  readonly buffer: ArrayBuffer;
}

/** The options of `new V86` that are used (v86.d.ts, and `wasm_fn` of src/browser/starter.js). */
export interface V86Settings {
  readonly wasm_fn: (imports: WasmImports) => Promise<Record<string, unknown>>;
  readonly memory_size: number;
  readonly vga_memory_size: number;
  readonly autostart: false;
  readonly log_level: 0;
  readonly disable_keyboard: true;
  readonly disable_mouse: true;
  readonly disable_speaker: true;
  readonly net_device: { readonly type: "none" };
  readonly bios?: V86File;
  readonly vga_bios?: V86File;
  readonly multiboot?: V86File;
  readonly bzimage?: V86File;
  readonly initrd?: V86File;
  readonly cmdline?: string;
}
