import type { Library } from "@portrait/classifier";
import { closest } from "../closest.ts";
import { parseFilter, type Comparison, type Expression, type FieldName, type Literal } from "./expression.ts";
import { choiceFields, choiceTest } from "./choice-fields.ts";
import { FilterError } from "./filter-error.ts";
import { nameFields, nameTest } from "./name-fields.ts";
import { numberFields, numberTest } from "./number-fields.ts";
import type { RowTest } from "./row-test.ts";

/**
 * A filter as a function of batch, columns and row. `dev` and `reg` are looked up in `library`.
 * @throws FilterError with the place of the mistake.
 */
export function compileFilter(text: string, library: Library): RowTest {
  return new Compiler(text, library).compile(parseFilter(text));
}

class Compiler {
  readonly #text: string;
  readonly #library: Library;

  constructor(text: string, library: Library) {
    this.#text = text;
    this.#library = library;
  }

  compile(node: Expression): RowTest {
    switch (node.kind) {
      case "not": {
        const operand = this.compile(node.operand);
        return (batch, columns, row) => !operand(batch, columns, row);
      }
      case "and": {
        const [left, right] = [this.compile(node.left), this.compile(node.right)];
        return (batch, columns, row) => left(batch, columns, row) && right(batch, columns, row);
      }
      case "or": {
        const [left, right] = [this.compile(node.left), this.compile(node.right)];
        return (batch, columns, row) => left(batch, columns, row) || right(batch, columns, row);
      }
      case "range": {
        const { field, low, high } = node;
        if (numberFields.get(field.name) === undefined) this.#fail(field, `"${field.name}" has no ranges: use ==`);
        const from = this.compile({ kind: "compare", field, operator: ">=", literal: low });
        const to = this.compile({ kind: "compare", field, operator: "<=", literal: high });
        return (batch, columns, row) => from(batch, columns, row) && to(batch, columns, row);
      }
      case "compare":
        return this.#compare(node);
    }
  }

  #compare(node: Comparison): RowTest {
    const { field, mask, operator, literal } = node;
    const number = numberFields.get(field.name);
    if (number !== undefined) {
      const bits = mask === undefined ? undefined : this.#number(mask, field);
      return numberTest(number, bits, operator, this.#number(literal, field));
    }
    const choices = choiceFields.get(field.name);
    const name = nameFields.get(field.name);
    if (choices === undefined && name === undefined) return this.#unknownField(field);
    if (mask !== undefined) return this.#fail(mask, `"${field.name}" has no bits: use == or !=`);
    if (operator !== "==" && operator !== "!=") {
      return this.#fail(literal, `"${field.name}" has no order: use == or !=`);
    }
    if (literal.kind !== "text") return this.#fail(literal, `"${field.name}" is compared with a name`);
    const test =
      choices !== undefined
        ? choiceTest(choices, literal.value)
        : name !== undefined
          ? nameTest(name, literal.value, this.#library)
          : undefined;
    if (typeof test !== "function") return this.#unknownName(field, literal, test ?? []);
    return operator === "==" ? test : (batch, columns, row) => !test(batch, columns, row);
  }

  #number(literal: Literal, field: FieldName): number {
    if (literal.kind === "number") return literal.value;
    return this.#fail(literal, `"${field.name}" is compared with a number`);
  }

  #unknownField(field: FieldName): never {
    const fields = [...numberFields.keys(), ...choiceFields.keys(), ...nameFields.keys()];
    return this.#fail(field, `there is no field "${field.name}"; ${suggestion(field.name, fields, "fields")}`);
  }

  #unknownName(field: FieldName, literal: Literal, known: readonly string[]): never {
    return this.#fail(
      literal,
      `there is no ${field.name} "${literal.value}"; ${suggestion(String(literal.value), known, "names")}`,
    );
  }

  #fail(place: { readonly offset: number }, message: string): never {
    throw new FilterError(this.#text, place.offset, message);
  }
}

const LISTED = 16;

function suggestion(word: string, known: readonly string[], what: string): string {
  const near = closest(word, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  const listed = known.slice(0, LISTED).join(", ");
  return `${what}: ${listed}${known.length > LISTED ? ", … (see: portrait devices)" : ""}`;
}
