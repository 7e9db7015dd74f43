import type { z } from "zod";
import type { DescriptionProblem } from "./problem.ts";

type Issue = z.core.$ZodIssue;

/** The problems in an issue of the schema, in the words of a description's author; of a union, those of the form that was nearly met. */
export function problemsOf(issue: Issue, above: readonly PropertyKey[]): DescriptionProblem[] {
  const path = [...above, ...issue.path];
  const problem = (message: string): DescriptionProblem[] => [{ path: path.map(keyOf), message }];
  switch (issue.code) {
    case "invalid_union":
      return issue.errors.length > 0 ? unionProblems(issue, path) : problem(issue.message);
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        path: [...path, key].map(keyOf),
        message: issue.message + (isEmpty(issue.input, key) ? "; quote a text with a comma in it" : ""),
      }));
    case "invalid_key":
      return issue.issues.flatMap((one) => problemsOf(one, path));
    case "invalid_value":
      return problem(`expected one of ${issue.values.map((value) => JSON.stringify(value)).join(" | ")}`);
    case "invalid_type":
      return problem(typeText(issue));
    case "too_small":
    case "too_big":
      return problem(issue.message.replace(/^Too (small|big): /, ""));
    case "invalid_format":
    case "invalid_element":
    case "not_multiple_of":
    case "custom":
      return problem(issue.message);
  }
}

function unionProblems(issue: Issue & { readonly code: "invalid_union" }, path: readonly PropertyKey[]) {
  const depth = (issues: readonly Issue[]) => Math.max(0, ...issues.map((one) => one.path.length));
  const deepest = Math.max(...issue.errors.map(depth));
  if (deepest > 0) {
    const nearest = issue.errors.find((issues) => depth(issues) === deepest) ?? [];
    return nearest.flatMap((one) => problemsOf(one, path));
  }
  const own = issue.message.startsWith(DEFAULT) ? undefined : issue.message;
  // That it might be a list of them is not what is missing.
  const single = issue.errors.flat().filter((one) => !(one.code === "invalid_type" && one.expected === "array"));
  const forms = single.flatMap((one) => problemsOf(one, path).map(({ message }) => message));
  return [{ path: path.map(keyOf), message: own ?? [...new Set(forms)].join(", or ") }];
}

const DEFAULT = "Invalid input";

const WANTED: Readonly<Record<string, string>> = {
  number: "a number such as 12 or 0x2f",
  int: "a whole number",
  string: "a text",
  object: "entries such as { key: value }",
  record: "entries such as { NAME: value }",
  array: "a list in [ ]",
  tuple: "a list in [ ]",
};

function typeText({ message, expected, input }: Issue & { readonly code: "invalid_type" }): string {
  if (!message.startsWith(DEFAULT)) return message;
  const wanted = WANTED[expected] ?? expected;
  return input === undefined ? `missing; expected ${wanted}` : `expected ${wanted}, found ${foundText(input)}`;
}

function foundText(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return `the text ${JSON.stringify(value.slice(0, 40))}`;
  if (typeof value === "number" || typeof value === "boolean") return `the ${typeof value} ${String(value)}`;
  return "entries";
}

function isEmpty(entries: unknown, key: string): boolean {
  return (
    typeof entries === "object" && entries !== null && Object.entries(entries).some(([k, v]) => k === key && v === null)
  );
}

function keyOf(key: PropertyKey): string | number {
  return typeof key === "symbol" ? String(key) : key;
}
