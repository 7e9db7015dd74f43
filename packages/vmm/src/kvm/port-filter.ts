/** What the kernel is asked to compare, so that it keeps only accesses to these ports, given as inclusive ranges; `0`, no filter, for none. */
export function portFilter(ranges: readonly (readonly [first: number, last: number])[]): string {
  if (ranges.length === 0) return "0";
  return ranges
    .map(([first, last]) => (first === last ? `port == ${first}` : `(port >= ${first} && port <= ${last})`))
    .join(" || ");
}
