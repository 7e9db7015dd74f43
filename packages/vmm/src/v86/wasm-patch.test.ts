import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { OWN_READ8, OWN_WRITE8, patchPortAccess } from "./wasm-patch.ts";
import { webAssembly } from "./web-assembly.ts";

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** A section with its length. */
function section(id: number, ...contents: readonly number[]): number[] {
  return [id, contents.length, ...contents];
}

function text(name: string): number[] {
  return [name.length, ...Buffer.from(name)];
}

const CALL_READ = [0x10, 0x80, 0x80, 0x80, 0x80, 0x00];
const CALL_WRITE = [0x10, 0x81, 0x80, 0x80, 0x80, 0x00];
/** Gives the port plus 1 for port 20h, else asks the import. */
const READ_BODY = [0x00, 0x20, 0, 0x41, 0x20, 0x46, 0x04, 0x7f, 0x41, 0x21, 0x05, 0x20, 0, ...CALL_READ, 0x0b, 0x0b];
const WRITE_BODY = [0x00, 0x20, 0, 0x20, 1, ...CALL_WRITE, 0x0b];

interface Parts {
  readonly imports: readonly string[];
  readonly bodies: readonly (readonly number[])[];
  readonly types: readonly number[];
}

/** A module shaped as v86's: two imports, a function around each, both exported as `read` and `write`. */
function moduleOf(change: Partial<Parts> = {}): Uint8Array {
  const { imports, bodies, types } = {
    imports: ["io_port_read8", "io_port_write8"],
    bodies: [READ_BODY, WRITE_BODY],
    types: [0, 1],
    ...change,
  };
  return Uint8Array.from([
    ...HEADER,
    ...section(1, 2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 0),
    ...section(2, imports.length, ...imports.flatMap((name, i) => [...text("env"), ...text(name), 0, i])),
    ...section(3, types.length, ...types),
    ...section(7, 2, ...text("read"), 0, 2, ...text("write"), 0, 3),
    ...section(10, bodies.length, ...bodies.flatMap((body) => [body.length, ...body])),
  ]);
}

async function instanceOf(module: Uint8Array, env: Record<string, unknown>): Promise<Record<string, unknown>> {
  return (await webAssembly.instantiate(await webAssembly.compile(module), { env })).exports;
}

function call(exports: Record<string, unknown>, name: string, ...args: number[]): unknown {
  const found = exports[name];
  if (typeof found !== "function") throw new TypeError(`${name} is not exported`);
  return found(...args);
}

describe("the patched module", () => {
  test("hands every access to its imports and exports the original functions", async () => {
    const writes: number[][] = [];
    const env = {
      io_port_read8: (port: number) => port + 0x1000,
      io_port_write8: (port: number, value: number) => void writes.push([port, value]),
    };
    const original = await instanceOf(moduleOf(), env);
    expect(call(original, "read", 0x20)).toBe(0x21);

    const patched = await instanceOf(patchPortAccess(moduleOf()), env);
    expect(call(patched, "read", 0x20)).toBe(0x1020);
    expect(call(patched, "read", 0x30)).toBe(0x1030);
    expect(call(patched, OWN_READ8, 0x20)).toBe(0x21);
    expect(call(patched, OWN_READ8, 0x30)).toBe(0x1030);
    call(patched, "write", 0x20, 0x11);
    call(patched, OWN_WRITE8, 0x21, 0x12);
    expect(writes).toEqual([
      [0x20, 0x11],
      [0x21, 0x12],
    ]);
  });

  test("of v86 is valid WebAssembly", async () => {
    const path = createRequire(import.meta.url).resolve("v86/build/v86.wasm");
    await expect(webAssembly.compile(patchPortAccess(readFileSync(path)))).resolves.toBeDefined();
  });
});

describe("another shape is refused, naming the version that is needed", () => {
  test.each<[string, Uint8Array, RegExp]>([
    ["no module", Buffer.from("not wasm, not wasm"), /not a WebAssembly 1 module/],
    ["an empty file", new Uint8Array(), /ends early/],
    ["a cut-off module", moduleOf().subarray(0, 60), /ends early/],
    ["no sections", Uint8Array.from(HEADER), /section 2 is missing/],
    [
      "an import of another name",
      moduleOf({ imports: ["io_port_read8", "io_port_write"] }),
      /no import io_port_write8/,
    ],
    [
      "no function around an import",
      moduleOf({ bodies: [READ_BODY, [0x00, 0x0b]] }),
      /0 functions wrap the import io_port_write8/,
    ],
    [
      "two functions around an import",
      moduleOf({ bodies: [READ_BODY, READ_BODY], types: [0, 0] }),
      /2 functions wrap the import io_port_read8/,
    ],
    ["a body too few", moduleOf({ bodies: [READ_BODY] }), /differ in length/],
  ])("%s", (_, module, message) => {
    expect(() => patchPortAccess(module)).toThrow(
      expect.objectContaining({ code: "V86_VERSION", message: expect.stringMatching(message) }),
    );
    expect(() => patchPortAccess(module)).toThrow(/npm install v86@0\.5\.462/);
  });
});
