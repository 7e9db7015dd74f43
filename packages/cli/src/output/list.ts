const SHOWN = 6;

/** `a, b, c`; of more than six the first six, `and 2 more`. */
export function listText(texts: readonly string[]): string {
  const more = texts.length - SHOWN;
  return texts.slice(0, SHOWN).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
