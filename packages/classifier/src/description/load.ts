import { isMap, isSeq, LineCounter, parseDocument, type Document, type Node } from "yaml";
import { assignments, ENTRY_LIMIT, expand, substitute, variablesOf, type Variables } from "./expand.ts";
import { problemsOf } from "./form-problems.ts";
import type { Device } from "./model.ts";
import { DescriptionError, type DescriptionProblem } from "./problem.ts";
import { prove } from "./prove.ts";
import { resolve } from "./resolve.ts";
import { descriptionSchema } from "./schema.ts";

const TEXT_LIMIT = 1 << 20;

/**
 * Reads one description. `file` names it in messages.
 * @throws DescriptionError with every mistake and its place.
 */
export function loadDescription(text: string, file: string): Device {
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
  const raw = toData(document, file);
  const fail = (problems: readonly DescriptionProblem[]): never => {
    throw new DescriptionError(file, placed(problems, document, lines, variablesOf(raw)));
  };
  const parsed = descriptionSchema.safeParse(bounded(expand(raw), file), { reportInput: true });
  if (!parsed.success) return fail(parsed.error.issues.flatMap((issue) => problemsOf(issue, [])));
  const problems: DescriptionProblem[] = [];
  const device = resolve(parsed.data, problems);
  if (problems.length > 0) return fail(problems);
  const unproven = prove(device);
  return unproven.length > 0 ? fail(unproven) : device;
}

function toData(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
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
  variables: Variables,
): DescriptionProblem[] {
  return problems.map((problem) => {
    const offset = offsetOf(document, problem.path, variables);
    if (offset === undefined) return problem;
    const { line, col } = lines.linePos(offset);
    return { ...problem, line, column: col };
  });
}

/** Where in the text the last key of `path` that exists stands. */
function offsetOf(document: Document, path: DescriptionProblem["path"], variables: Variables): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0];
  for (const segment of path) {
    const next = childOf(node, segment, variables);
    if (next === undefined) break;
    node = next.value;
    offset = next.offset ?? offset;
  }
  return offset;
}

function childOf(
  node: unknown,
  segment: string | number,
  variables: Variables,
): { value: unknown; offset: number | undefined } | undefined {
  if (isSeq<Node>(node) && typeof segment === "number") {
    const item = node.items[segment];
    return item && { value: item, offset: item.range?.[0] };
  }
  if (!isMap<Node & { value?: unknown }, Node | null>(node)) return undefined;
  const named = (key: string) =>
    key === String(segment) || assignments(key, variables).some((one) => substitute(key, one) === String(segment));
  const pair = node.items.find((item) => named(String(item.key.value)));
  if (pair === undefined) return undefined;
  const place = pair.value !== null && !isMap(pair.value) && !isSeq(pair.value) ? pair.value : pair.key;
  return { value: pair.value, offset: place.range?.[0] };
}
