import { parse, SyntaxError } from "./generated/filter.js";
import { FilterError } from "./filter-error.ts";

/** A comparison between a field and a literal. */
export type Operator = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** A field's name where it stands in the text. */
export interface FieldName {
  readonly name: string;
  /** Characters before it, from 0. */
  readonly offset: number;
}

/** A value where it stands in the text. Times are nanoseconds. */
export type Literal =
  | { readonly kind: "number"; readonly value: number; readonly offset: number }
  | { readonly kind: "text"; readonly value: string; readonly offset: number };

/** A parsed filter. `mask`: the field's value is masked before it is compared. Ranges include both ends. */
export type Expression =
  | { readonly kind: "or" | "and"; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "not"; readonly operand: Expression }
  | { readonly kind: "range"; readonly field: FieldName; readonly low: Literal; readonly high: Literal }
  | Comparison;

/** `field == literal`, `field & mask != literal`. */
export interface Comparison {
  readonly kind: "compare";
  readonly field: FieldName;
  readonly mask?: Literal;
  readonly operator: Operator;
  readonly literal: Literal;
}

/** Characters a filter may have; keeps the parser's recursion within the stack. */
const LENGTH_LIMIT = 1000;

/**
 * Parses a filter; names and kinds are not checked yet.
 * @throws FilterError with the place of the mistake.
 */
export function parseFilter(text: string): Expression {
  if (text.length > LENGTH_LIMIT) throw new FilterError(text, LENGTH_LIMIT, `more than ${LENGTH_LIMIT} characters`);
  try {
    // The grammar builds exactly these nodes.
    return parse(text) as Expression;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new FilterError(text, error.location.start.offset, inWords(error.message));
  }
}

function inWords(message: string): string {
  return `${message.charAt(0).toLowerCase()}${message.slice(1)}`.replace(/\.$/, "");
}
