/** DOSBox's emulation of the OPL2 and OPL3 in WebAssembly, as Emscripten packs it. */
declare module "@malvineous/opl/lib/opl.js" {
  /** The C++ object behind one chip. */
  export interface OplChip {
    write(register: number, value: number): void;
    /** A view of the memory that samples go to. */
    getBuffer(): Int16Array;
    readonly $$: { readonly ptr: number };
  }
  interface OplModule {
    readonly OPL: new (rate: number, channels: number, samples: number) => OplChip;
  }
  export default function load(options: { readonly wasmBinary: Uint8Array }): {
    then(ready: (module: OplModule) => void): void;
  };
}
