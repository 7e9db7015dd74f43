/** Text from a file without the control characters that would move a terminal's cursor. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "·");
}
