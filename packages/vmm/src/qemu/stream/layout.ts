/** Bytes that begin the parts of a migration stream (QEMU 7.2, migration/savevm.h). */
export const PART = {
  end: 0x00,
  sectionStart: 0x01,
  sectionPart: 0x02,
  sectionEnd: 0x03,
  sectionFull: 0x04,
  subsection: 0x05,
  description: 0x06,
  configuration: 0x07,
  command: 0x08,
  footer: 0x7e,
} as const;

/** Flags in the low bits of a page's address (QEMU 7.2, migration/ram.c). */
export const PAGE_FLAG = { zero: 0x02, memorySize: 0x04, page: 0x08, endOfSection: 0x10, continued: 0x20 } as const;
export const PAGE_BYTES = 4096;

/** "QEVM", the first four bytes of a stream. */
export const STREAM_MAGIC = 0x5145564d;
/** The stream version this code reads. */
export const STREAM_VERSION = 3;

/** Bytes of a section's footer: its mark and the section's number. */
export const FOOTER_BYTES = 5;
