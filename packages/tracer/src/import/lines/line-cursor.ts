/** Byte that ends a line. */
export const NEWLINE = 10;
const [ZERO, NINE] = [48, 57] as const;

/** The bytes of an ASCII text, to be looked for with {@link LineCursor.skip}. */
export const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Value of a hexadecimal digit by its byte; 255 where it is none. */
const HEX = new Uint8Array(256).fill(255);
ascii("0123456789abcdef").forEach((byte, digit) => (HEX[byte] = digit));

/** A place in a line. The line ends with {@link NEWLINE}, so that no field can run over it. */
export class LineCursor {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;

  /** Steps over a byte if it stands here. */
  skipByte(byte: number): boolean {
    if (this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  /** Steps over `text` if it stands here. */
  skip(text: Uint8Array): boolean {
    const bytes = this.bytes;
    const at = this.at;
    for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
    this.at = at + text.length;
    return true;
  }

  /** Steps to the next `byte`, or to the end of the line. */
  skipTo(byte: number): void {
    while (this.bytes[this.at] !== byte && this.bytes[this.at] !== NEWLINE) this.at++;
  }

  /** A decimal number; -1 where no digit stands here. */
  decimal(): number {
    const bytes = this.bytes;
    let at = this.at;
    let value = 0;
    for (; ; at++) {
      const byte = bytes[at] ?? NEWLINE;
      if (byte < ZERO || byte > NINE) break;
      value = value * 10 + byte - ZERO;
    }
    if (at === this.at) return -1;
    this.at = at;
    return value;
  }

  /** The low 32 bits of a hexadecimal number, which may come out negative; 0 where no digit stands here. */
  hex(): number {
    const bytes = this.bytes;
    let at = this.at;
    let value = 0;
    for (; ; at++) {
      const digit = HEX[bytes[at] ?? NEWLINE] ?? 255;
      if (digit > 15) break;
      value = (value << 4) | digit;
    }
    this.at = at;
    return value;
  }

  /** The rest of the line as text, at most `limit` bytes of it; steps over it. */
  rest(limit = Infinity): string {
    const from = this.at;
    this.at = this.bytes.indexOf(NEWLINE, from);
    const { buffer, byteOffset } = this.bytes;
    return Buffer.from(buffer, byteOffset + from, Math.min(this.at - from, limit)).toString();
  }
}
