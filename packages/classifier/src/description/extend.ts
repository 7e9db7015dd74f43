/** Sections in which an extension's entries stand beside those it extends, and replace those of the same name. */
const NAMED = ["each", "ports", "state", "preceding", "slots", "registers", "drains"] as const;
/** Sections to which an extension adds, in front: of several that fit, its own come first. */
const LISTED = ["quiet", "interrupts", "unreachable", "notModelled"] as const;
/** What is as in the one extended where the extension does not say it. */
const KEPT = ["order", "presence", "absent"] as const;

/** A description's raw data with what it does not say itself taken from the one it extends. */
export function extend(base: Readonly<Record<string, unknown>>, own: Readonly<Record<string, unknown>>): unknown {
  const result: Record<string, unknown> = { ...own };
  for (const key of KEPT) if (!(key in own) && key in base) result[key] = base[key];
  for (const key of NAMED) {
    const [inherited, added] = [base[key], own[key] ?? {}];
    if (isRecord(inherited) && isRecord(added)) result[key] = { ...inherited, ...added };
  }
  for (const key of LISTED) {
    const [inherited, added] = [base[key], own[key] ?? []];
    if (Array.isArray(inherited) && Array.isArray(added)) result[key] = [...added, ...inherited];
  }
  return result;
}

/** True for what a mapping becomes. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
