const SHOWN = 72;

/** A mistake in a filter expression; the message shows it with a caret under its column. */
export class FilterError extends Error {
  override readonly name = "FilterError";
  readonly code = "FILTER";
  /** Characters before the mistake, from 0. */
  readonly offset: number;

  constructor(text: string, offset: number, message: string) {
    const start = Math.max(0, offset - SHOWN / 2);
    const shown = text.slice(start, start + SHOWN).replace(/\s/g, " ");
    super(`filter, column ${offset + 1}: ${message}\n  ${shown}\n  ${" ".repeat(offset - start)}^`);
    this.offset = offset;
  }
}
