/** Name of one of several files of a recording: `vm.pio.000`. */
export function partName(output: string, part: number): string {
  return `${output}.${String(part).padStart(3, "0")}`;
}
