/** The five things that decide which register an access reaches, as bits. */
export const CRITERIA = { port: 1, direction: 2, data: 4, state: 8, preceding: 16 } as const;

/** One of the five criteria. */
export type Criterion = keyof typeof CRITERIA;

/** Names of the criteria in a set of bits, in their order. */
export function criteriaNames(bits: number): Criterion[] {
  const names: Criterion[] = ["port", "direction", "data", "state", "preceding"];
  return names.filter((name) => (bits & CRITERIA[name]) !== 0);
}
