import { V86Error } from "./errors.ts";

/** Name under which the patched module exports v86's own 8-bit port read, PIC included. */
export const OWN_READ8 = "own_io_port_read8";
/** Name under which the patched module exports v86's own 8-bit port write, PIC included. */
export const OWN_WRITE8 = "own_io_port_write8";

const SECTION = { import: 2, function: 3, export: 7, code: 10 } as const;
const KIND_FUNCTION = 0;
const CALL = 0x10;
const LOCAL_GET = 0x20;
const END = 0x0b;

interface Patch {
  readonly import: string;
  readonly exportAs: string;
  readonly parameters: number;
}

const PATCHES: readonly Patch[] = [
  { import: "io_port_read8", exportAs: OWN_READ8, parameters: 1 },
  { import: "io_port_write8", exportAs: OWN_WRITE8, parameters: 2 },
];

/** Byte range of a section's contents, or of a function body. */
interface Range {
  readonly start: number;
  readonly end: number;
}

interface ImportedFunction {
  readonly index: number;
  readonly type: number;
}

interface Target extends Patch {
  /** Position among the module's own functions. */
  readonly position: number;
  readonly imported: ImportedFunction;
}

/**
 * Rewrites v86's WebAssembly module so that every 8-bit port access reaches JavaScript.
 *
 * v86 (src/rust/cpu/cpu.rs, `io_port_read8` and `io_port_write8`) answers 20h, 21h, A0h, A1h, 4D0h and 4D1h inside the
 * module and only hands the other ports to the imports of the same name. Here each of the two functions is replaced by
 * a stub that always calls its import; the original bodies are appended and exported as {@link OWN_READ8} and
 * {@link OWN_WRITE8}. Throws {@link V86Error} `V86_VERSION` when the module is not of the expected shape.
 */
export function patchPortAccess(module: Uint8Array): Uint8Array {
  const sections = readSections(module);
  const imports = readImports(module, section(sections, SECTION.import));
  const types = readFunctionTypes(module, section(sections, SECTION.function));
  const bodies = readBodies(module, section(sections, SECTION.code));
  if (bodies.length !== types.length) throw shapeError("the function and code sections differ in length");

  const targets = PATCHES.map((patch) => findTarget(module, patch, imports.functions, types, bodies));
  const appendedIndex = (i: number): number => imports.count + types.length + i;
  const chunks: Uint8Array[] = [module.subarray(0, 8)];
  for (const { id, range } of sections) {
    if (id === SECTION.function) {
      const added = targets.flatMap((target) => leb128(target.imported.type));
      chunks.push(...appendToVector(module, id, range, targets.length, added));
    } else if (id === SECTION.export) {
      const added = targets.flatMap((target, i) => exportEntry(target.exportAs, appendedIndex(i)));
      chunks.push(...appendToVector(module, id, range, targets.length, added));
    } else if (id === SECTION.code) {
      chunks.push(...codeSection(module, bodies, targets));
    } else {
      chunks.push(Uint8Array.from([id, ...leb128(range.end - range.start)]), module.subarray(range.start, range.end));
    }
  }
  return Buffer.concat(chunks);
}

function codeSection(module: Uint8Array, bodies: readonly Range[], targets: readonly Target[]): Uint8Array[] {
  const parts: Uint8Array[] = [Uint8Array.from(leb128(bodies.length + targets.length))];
  const push = (body: Uint8Array): void => void parts.push(Uint8Array.from(leb128(body.length)), body);
  bodies.forEach((body, position) => {
    const target = targets.find((t) => t.position === position);
    push(target === undefined ? module.subarray(body.start, body.end) : stub(target));
  });
  for (const target of targets) {
    const body = bodies[target.position];
    if (body !== undefined) push(module.subarray(body.start, body.end));
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [Uint8Array.from([SECTION.code, ...leb128(length)]), ...parts];
}

/** A function body without locals that calls the import with its own parameters. */
function stub(target: Target): Uint8Array {
  const parameters = Array.from({ length: target.parameters }, (_, i) => [LOCAL_GET, i]).flat();
  return Uint8Array.from([0, ...parameters, CALL, ...leb128(target.imported.index), END]);
}

/** The one function of the import's own type that calls the import is v86's wrapper around it. */
function findTarget(
  module: Uint8Array,
  patch: Patch,
  functions: ReadonlyMap<string, ImportedFunction>,
  types: readonly number[],
  bodies: readonly Range[],
): Target {
  const imported = functions.get(patch.import);
  if (imported === undefined) throw shapeError(`there is no import ${patch.import}`);
  const call = Buffer.from([CALL, ...leb128(imported.index, 5)]);
  const callers = bodies.flatMap((body, position) =>
    types[position] === imported.type && Buffer.from(module.subarray(body.start, body.end)).includes(call)
      ? [position]
      : [],
  );
  const [position] = callers;
  if (position === undefined || callers.length !== 1) {
    throw shapeError(`${callers.length} functions wrap the import ${patch.import}, expected 1`);
  }
  return { ...patch, position, imported };
}

function readSections(module: Uint8Array): readonly { id: number; range: Range }[] {
  const reader = new Reader(module, 0);
  if (reader.u32le() !== 0x6d736100 || reader.u32le() !== 1) throw shapeError("it is not a WebAssembly 1 module");
  const sections = [];
  while (reader.position < module.length) {
    const id = reader.byte();
    const length = reader.leb128();
    const start = reader.position;
    reader.skip(length);
    sections.push({ id, range: { start, end: reader.position } });
  }
  return sections;
}

function section(sections: readonly { id: number; range: Range }[], id: number): Range {
  const found = sections.find((s) => s.id === id);
  if (found === undefined) throw shapeError(`section ${id} is missing`);
  return found.range;
}

function readImports(module: Uint8Array, range: Range): { functions: Map<string, ImportedFunction>; count: number } {
  const reader = new Reader(module, range.start);
  const functions = new Map<string, ImportedFunction>();
  let count = 0;
  for (let left = reader.leb128(); left > 0; left--) {
    reader.name();
    const name = reader.name();
    const kind = reader.byte();
    if (kind === KIND_FUNCTION) functions.set(name, { index: count++, type: reader.leb128() });
    else skipImportType(reader, kind);
  }
  return { functions, count };
}

function skipImportType(reader: Reader, kind: number): void {
  switch (kind) {
    case 1: // table: element type, limits
      reader.byte();
      skipLimits(reader);
      return;
    case 2: // memory: limits
      skipLimits(reader);
      return;
    case 3: // global: value type, mutability
      reader.skip(2);
      return;
    default:
      throw shapeError(`an import is of the unknown kind ${kind}`);
  }
}

function skipLimits(reader: Reader): void {
  const hasMaximum = (reader.leb128() & 1) !== 0;
  reader.leb128();
  if (hasMaximum) reader.leb128();
}

function readFunctionTypes(module: Uint8Array, range: Range): readonly number[] {
  const reader = new Reader(module, range.start);
  return Array.from({ length: reader.leb128() }, () => reader.leb128());
}

function readBodies(module: Uint8Array, range: Range): readonly Range[] {
  const reader = new Reader(module, range.start);
  return Array.from({ length: reader.leb128() }, () => {
    const length = reader.leb128();
    const start = reader.position;
    reader.skip(length);
    return { start, end: reader.position };
  });
}

function appendToVector(module: Uint8Array, id: number, range: Range, count: number, added: number[]): Uint8Array[] {
  const reader = new Reader(module, range.start);
  const length = Uint8Array.from(leb128(reader.leb128() + count));
  const old = module.subarray(reader.position, range.end);
  return [
    Uint8Array.from([id, ...leb128(length.length + old.length + added.length)]),
    length,
    old,
    Uint8Array.from(added),
  ];
}

function exportEntry(name: string, functionIndex: number): number[] {
  const bytes = Buffer.from(name);
  return [...leb128(bytes.length), ...bytes, KIND_FUNCTION, ...leb128(functionIndex)];
}

/** Unsigned LEB128, padded to `width` bytes as a linker writes relocatable indices. */
function leb128(value: number, width = 1): number[] {
  const bytes: number[] = [];
  do {
    const more = value > 0x7f || bytes.length + 1 < width;
    bytes.push((value & 0x7f) | (more ? 0x80 : 0));
    value >>>= 7;
  } while (value > 0 || bytes.length < width);
  return bytes;
}

class Reader {
  readonly #bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  byte(): number {
    const byte = this.#bytes[this.position++];
    if (byte === undefined) throw shapeError("it ends early");
    return byte;
  }

  skip(length: number): void {
    this.position += length;
    if (this.position > this.#bytes.length) throw shapeError("it ends early");
  }

  leb128(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return value;
    }
    throw shapeError("it holds a number of more than 32 bits");
  }

  u32le(): number {
    return this.byte() + this.byte() * 0x100 + this.byte() * 0x10000 + this.byte() * 0x1000000;
  }

  name(): string {
    const length = this.leb128();
    const start = this.position;
    this.skip(length);
    return Buffer.from(this.#bytes.subarray(start, this.position)).toString();
  }
}

function shapeError(what: string): V86Error {
  return new V86Error(
    "V86_VERSION",
    `v86.wasm is not that of v86 0.5.462: ${what}. Install exactly that version (npm install v86@0.5.462).`,
  );
}
