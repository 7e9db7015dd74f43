/** One mistake in a description, with its place where the file is known. */
export interface DescriptionProblem {
  /** Keys from the top of the file to the mistake, e.g. `["registers", "ICW3", "access"]`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** 1-based; undefined when the mistake has no place of its own. */
  readonly line?: number;
  readonly column?: number;
}

/** A description file with mistakes; `problems` has all of them. */
export class DescriptionError extends Error {
  override readonly name = "DescriptionError";
  readonly code = "DESCRIPTION";
  readonly file: string;
  readonly problems: readonly DescriptionProblem[];

  constructor(file: string, problems: readonly DescriptionProblem[]) {
    super(problems.map((problem) => formatProblem(file, problem)).join("\n"));
    this.file = file;
    this.problems = problems;
  }
}

/** `i8259.yaml:35:13 registers.ICW3.access: expected one of "RO" | "WO" | "RW"`. */
export function formatProblem(file: string, problem: DescriptionProblem): string {
  const place = problem.line === undefined ? file : `${file}:${problem.line}:${problem.column ?? 1}`;
  const path = problem.path.length === 0 ? "" : ` ${problem.path.join(".")}`;
  return `${place}${path}: ${problem.message}`;
}
