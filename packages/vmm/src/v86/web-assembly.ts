/** An exported or imported function of a WebAssembly module. */
export type WasmFunction = (...args: number[]) => number;

/** The imports a module is instantiated with. */
export type WasmImports = Record<string, Record<string, unknown>>;

/** The part of the WebAssembly JavaScript API used here; Node's type declarations do not carry it. */
interface WebAssemblyApi {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: WasmImports): Promise<{ readonly exports: Record<string, unknown> }>;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: WasmImports) => { readonly exports: Record<string, unknown> };
}

declare const WebAssembly: WebAssemblyApi;

/** The WebAssembly JavaScript API. */
export const webAssembly: WebAssemblyApi = WebAssembly;
