import { isMap, isSeq, LineCounter, parseDocument, type Document, type Node } from "yaml";
import { messageOf } from "@portrait/tracer";
import { ENTRY_LIMIT } from "./each.ts";
import { expand, type Expanded } from "./expand.ts";
import { extend, isRecord } from "./extend.ts";
import { problemsOf } from "./form-problems.ts";
import type { Device } from "./model.ts";
import { DescriptionError, type DescriptionProblem } from "./problem.ts";
import { prove } from "./prove.ts";
import { resolve } from "./resolve.ts";
import { descriptionSchema } from "./schema.ts";
import type { DescriptionSource } from "./source.ts";

const TEXT_LIMIT = 1 << 20;

/** A description's text as YAML, and as the data that it is. */
interface Parsed {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly raw: unknown;
}

/**
 * Reads one description. `file` names it in messages; `others`: those it may extend, the first of an id before later ones.
 * @throws DescriptionError with every mistake and its place.
 */
export function loadDescription(text: string, file: string, others: readonly DescriptionSource[] = []): Device {
  const { document, lines, raw } = parse({ text, file });
  let written: Expanded | undefined;
  const fail = (problems: readonly DescriptionProblem[]): never => {
    throw new DescriptionError(file, placed(problems, document, lines, written));
  };
  const whole = extended(raw, others, (message) => fail([{ path: ["extends"], message }]));
  const problems: DescriptionProblem[] = [];
  written = expand(whole, (path, message) => problems.push({ path, message }));
  if (problems.length > 0) return fail(problems);
  const parsed = descriptionSchema.safeParse(bounded(written.data, file), { reportInput: true });
  if (!parsed.success) return fail(parsed.error.issues.flatMap((issue) => problemsOf(issue, [])));
  const device = resolve(parsed.data, problems);
  if (problems.length > 0) return fail(problems);
  const unproven = prove(device);
  return unproven.length > 0 ? fail(unproven) : device;
}

function parse({ text, file }: DescriptionSource): Parsed {
  if (text.length > TEXT_LIMIT) {
    throw new DescriptionError(file, [{ path: [], message: `the file is larger than ${TEXT_LIMIT} characters` }]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, uniqueKeys: true, stringKeys: true });
  const syntax = document.errors.map((error): DescriptionProblem => {
    const place = error.linePos?.[0];
    const said = error.message.split(" at line ")[0] ?? error.message;
    const message = error.code === "BLOCK_AS_IMPLICIT_KEY" ? `${said}; a text with a colon in it needs quotes` : said;
    return { path: [], message, ...(place && { line: place.line, column: place.col }) };
  });
  if (syntax.length > 0) throw new DescriptionError(file, syntax);
  return { document, lines, raw: toData(document, file) };
}

/** The data with that of the description it extends, which may extend another. */
function extended(raw: unknown, others: readonly DescriptionSource[], fail: (message: string) => never): unknown {
  if (!isRecord(raw) || typeof raw["extends"] !== "string") return raw;
  const id = raw["extends"];
  const found = others.find(({ text }) => idIn(text) === id);
  if (found === undefined) return fail(`no description "${id}" beside this one`);
  // Each is extended once: what extends itself finds itself no more.
  const left = others.filter((one) => one !== found);
  const base = extended(parse(found).raw, left, fail);
  return isRecord(base) ? extend(base, raw) : raw;
}

/** The id in a description's text, as far as that can be told without reading it. */
function idIn(text: string): string | undefined {
  return /^id:\s*["']?([a-z0-9_-]+)/m.exec(text)?.[1];
}

function toData(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const message = messageOf(cause);
    throw new DescriptionError(file, [{ path: [], message }]);
  }
}

/** Refuses data whose `$` names would write out more entries than any device has. */
function bounded(data: unknown, file: string): unknown {
  if (typeof data !== "object" || data === null) return data;
  for (const [section, entries] of Object.entries(data)) {
    if (typeof entries === "object" && entries !== null && Object.keys(entries).length > ENTRY_LIMIT) {
      throw new DescriptionError(file, [{ path: [section], message: `more than ${ENTRY_LIMIT} entries` }]);
    }
  }
  return data;
}

/** The problems with line and column of the nearest node on their path. */
function placed(
  problems: readonly DescriptionProblem[],
  document: Document,
  lines: LineCounter,
  written: Expanded | undefined,
): DescriptionProblem[] {
  return problems.map((problem) => {
    const offset = offsetOf(document, problem.path, written);
    if (offset === undefined) return problem;
    const { line, col } = lines.linePos(offset);
    return { ...problem, line, column: col };
  });
}

/** Where in the text the last key of `path` that exists stands; the path is that of what was written out. */
function offsetOf(
  document: Document,
  path: DescriptionProblem["path"],
  written: Expanded | undefined,
): number | undefined {
  let node: unknown = document.contents;
  let part = written?.data;
  let offset = document.contents?.range?.[0];
  for (const key of path) {
    const next = childOf(node, written?.writtenKey(part, key) ?? key);
    if (next === undefined) break;
    node = next.value;
    part = partOf(part, key);
    offset = next.offset ?? offset;
  }
  return offset;
}

function partOf(part: unknown, key: string | number): unknown {
  if (Array.isArray(part)) return part[Number(key)];
  return isRecord(part) ? part[key] : undefined;
}

function childOf(node: unknown, key: string | number): { value: unknown; offset: number | undefined } | undefined {
  if (isSeq<Node>(node) && typeof key === "number") {
    const item = node.items[key];
    return item && { value: item, offset: item.range?.[0] };
  }
  if (!isMap<Node & { value?: unknown }, Node | null>(node)) return undefined;
  const pair = node.items.find((item) => String(item.key.value) === String(key));
  if (pair === undefined) return undefined;
  const place = pair.value !== null && !isMap(pair.value) && !isSeq(pair.value) ? pair.value : pair.key;
  return { value: pair.value, offset: place.range?.[0] };
}
