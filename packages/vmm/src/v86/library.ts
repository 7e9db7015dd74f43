import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { compileFunction } from "node:vm";
import type { GuestClock } from "./clock.ts";
import { V86Error } from "./errors.ts";
import type { V86Emulator, V86Settings } from "./internals.ts";
import { assertCpu, assertEmulator } from "./self-test.ts";
import { patchPortAccess } from "./wasm-patch.ts";
import { webAssembly } from "./web-assembly.ts";

/** The v86 version whose internals this folder is written for. */
export const V86_VERSION = "0.5.462";

/** The files of v86 that machines are made from, read and patched once. */
export interface V86Library {
  /** Source of libv86.js, evaluated anew for each machine. */
  readonly source: string;
  readonly directory: string;
  /** v86.wasm, compiled, with every port access handed to its imports. */
  readonly module: object;
}

/** What the library finds in place of the host's globals. */
export interface LibraryGlobals {
  readonly clock: GuestClock;
  /** Uniform in [0, 1), for a deterministic guest; undefined: the host's randomness. */
  readonly random: (() => number) | undefined;
}

let library: Promise<V86Library> | undefined;

/** Loads v86. Rejects with {@link V86Error} `V86_VERSION` when another version than {@link V86_VERSION} is installed. */
export function loadLibrary(): Promise<V86Library> {
  library ??= readLibrary();
  return library;
}

async function readLibrary(): Promise<V86Library> {
  const manifest = createRequire(import.meta.url).resolve("v86/package.json");
  checkVersion(await readFile(manifest, "utf8"));
  const directory = join(dirname(manifest), "build");
  const source = await readFile(join(directory, "libv86.js"), "utf8");
  const patched = patchPortAccess(await readFile(join(directory, "v86.wasm")));
  return { source, directory, module: await webAssembly.compile(patched) };
}

/** Throws {@link V86Error} `V86_VERSION` unless the text of v86's package.json names {@link V86_VERSION}. */
export function checkVersion(manifest: string): void {
  const version = /"version":\s*"([^"+]*)/.exec(manifest)?.[1];
  if (version !== V86_VERSION) {
    throw new V86Error(
      "V86_VERSION",
      `v86 ${version ?? "without a version"} is installed, expected ${V86_VERSION}. Install exactly that version (npm install v86@${V86_VERSION}).`,
    );
  }
}

/**
 * Boots an emulator from a fresh copy of the library, whose clock, dates, randomness and cryptography are the given
 * ones, so that machines share nothing and a deterministic one depends on nothing outside. Rejects with what v86 throws
 * while it starts.
 */
export function startEmulator(
  library: V86Library,
  globals: LibraryGlobals,
  settings: V86Settings,
): Promise<V86Emulator> {
  return new Promise((resolve, reject) => {
    const settingsThatReject: V86Settings = { ...settings, wasm_fn: rejecting(settings.wasm_fn, reject) };
    const emulator: unknown = Reflect.construct(evaluate(library, globals, reject), [settingsThatReject]);
    assertEmulator(emulator);
    emulator.add_listener("emulator-ready", () => {
      try {
        assertCpu(emulator.v86.cpu);
        resolve(emulator);
      } catch (error) {
        reject(error);
      }
    });
  });
}

function evaluate(
  { source, directory }: V86Library,
  globals: LibraryGlobals,
  onError: (error: unknown) => void,
): Function {
  const { clock, random } = globals;
  const module: { exports: Record<string, unknown> } = { exports: {} };
  const scope: Record<string, unknown> = {
    module,
    exports: module.exports,
    performance: { now: clock.tick },
    Date: dateOf(clock),
    crypto: random === undefined ? globalThis.crypto : cryptoOf(random),
    // v86 finishes its start in a timer and drops the promise of it.
    setTimeout: (callback: Callable, ms: number) => setTimeout(() => void rejecting(callback, onError)(), ms),
    require: createRequire(import.meta.url),
    __dirname: directory,
  };
  const library = compileFunction(source, Object.keys(scope), { filename: join(directory, "libv86.js") });
  library(...Object.values(scope));
  const constructor = module.exports["V86"];
  if (typeof constructor !== "function") {
    throw new V86Error("V86_VERSION", `libv86.js does not export V86. Install v86@${V86_VERSION}.`);
  }
  return constructor;
}

type Callable = (...args: unknown[]) => unknown;

/** The same function, whose errors go to `onError` instead of getting lost. */
function rejecting<Args extends unknown[], Result>(
  callback: (...args: Args) => Result | Promise<Result>,
  onError: (error: unknown) => void,
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    try {
      return await callback(...args);
    } catch (error) {
      onError(error);
      return new Promise(() => undefined);
    }
  };
}

function dateOf(clock: GuestClock): unknown {
  return class extends Date {
    constructor(time?: number) {
      super(time ?? clock.wallClock());
    }
    static override now(): number {
      return clock.wallClock();
    }
  };
}

function cryptoOf(random: () => number): unknown {
  const getRandomValues = (values: Int32Array): Int32Array => {
    for (let i = 0; i < values.length; i++) values[i] = random() * 2 ** 32;
    return values;
  };
  return { getRandomValues };
}
