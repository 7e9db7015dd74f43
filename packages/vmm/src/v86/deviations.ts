import type { FieldAllowance } from "../machine.ts";

/** Fields of v86's dump that a right plan leaves different, because v86 keeps there what no PC has. */
export const v86Deviations: readonly FieldAllowance[] = [
  {
    path: "pit.counter_start_time[*]",
    why: "when the count began on the machine's own clock, which each machine starts at 0",
  },
  { path: "pit.counter_start_value[*]", why: "the count at that time: the phase, which no port write reaches" },
  { path: "rtc.rtc_time", why: "v86's clock runs on the host's and ignores writes to the time" },
  { path: "rtc.last_update", why: "when v86 last looked at the host's clock" },
  { path: "rtc.next_interrupt", why: "when the periodic interrupt is due on the host's clock" },
  { path: "rtc.next_interrupt_alarm", why: "when the alarm is due on the host's clock" },
  { path: "rtc.update_interrupt_time", why: "when the update interrupt is due on the host's clock" },
  {
    path: "dma.lsb_msb_flipflop",
    why: "v86 has one byte flip-flop for both 8237s, so a write to one moves the other's",
  },
  { path: "pci.pci_response[*]", why: "a copy of the register made when CF8h was written; reads of CFCh come from it" },
  {
    path: "pci.pci_value[*]",
    why: "the bytes last written to CFCh, which v86 keeps although they have had their effect",
  },
  { path: "vga.port_3DA_value", why: "v86 turns the retrace bits over at each read of 3DAh" },
  { path: "vga.dac_color_index_read", why: "v86 has two palette addresses; a DAC has one, and the plan sets that" },
  { path: "vga.dac_color_index_write", why: "v86 has two palette addresses; a DAC has one, and the plan sets that" },
  { path: "vga.font_page_ab_enabled", why: "v86 takes it from SR03 only while it shows text" },
  { path: "vga.max_cols", why: "the text screen's width, which v86 takes from the CRTC only while it shows text" },
  { path: "vga.max_rows", why: "the text screen's height, which v86 takes from the CRTC only while it shows text" },
  { path: "vga.svga_offset", why: "computed when an offset is written, with the width of that moment" },
  { path: "vga.start_address_latched", why: "the start address of the frame shown, taken over when a frame is drawn" },
];

/** Accesses on which v86 does something else than the hardware. */
export interface V86Difference {
  readonly direction: "in" | "out";
  readonly ports: readonly number[];
  /** The accesses meant are those with `(value & mask) === match`. */
  readonly mask: number;
  readonly match: number;
  /** Paths of the fields that come out differently, `*` standing for any run of characters. */
  readonly fields: readonly string[];
  readonly hardware: string;
  readonly v86: string;
}

const PIC_COMMAND = [0x20, 0xa0];
const COUNTERS = [0x40, 0x41, 0x42];

/**
 * Where v86 0.5.462 differs from the datasheets, by access, as its source has it (src/rust/cpu/pic.rs, src/pit.js, rtc.js,
 * uart.js, ps2.js, dma.js, pci.js).
 */
export const v86Differences: readonly V86Difference[] = [
  out(PIC_COMMAND, 0x12, 0x12, ["pic.*.state", "pic.*.irq_mask"], "ICW1 with SNGL: no ICW3 follows", "expects ICW3"),
  out(PIC_COMMAND, 0x18, 0x18, [], "ICW1 with LTIM: level triggered", "ignored; only ELCR counts"),
  out(PIC_COMMAND, 0x11, 0x10, ["pic.*.auto_eoi"], "ICW1 without IC4: ICW4's functions are off", "AEOI is on"),
  out(
    PIC_COMMAND,
    0x10,
    0x10,
    ["pic.*.read_isr", "pic.*.special_mask_mode"],
    "ICW1 selects IRR for reading and ends special mask mode",
    "keeps both",
  ),
  out(PIC_COMMAND, 0xf8, 0x00, ["pic.*.isr"], "OCW2 000: rotation in AEOI off", "a non-specific EOI"),
  out(PIC_COMMAND, 0xf8, 0x40, ["pic.*.isr"], "OCW2 010: no operation", "a non-specific EOI"),
  out(PIC_COMMAND, 0xf8, 0x80, ["pic.*.isr"], "OCW2 100: rotation in AEOI on", "a non-specific EOI"),
  out(PIC_COMMAND, 0xf8, 0xa0, [], "OCW2 101: EOI and rotation", "EOI without rotation"),
  out(PIC_COMMAND, 0xf8, 0xc0, [], "OCW2 110: sets the priority", "ignored"),
  out(PIC_COMMAND, 0xf8, 0xe0, ["pic.*.isr"], "OCW2 111: specific EOI and rotation", "a non-specific EOI"),
  out(
    PIC_COMMAND,
    0x1c,
    0x0c,
    [],
    "OCW3 with P: the next read acknowledges",
    "ignored; the next read gives IRR or ISR",
  ),
  out(PIC_COMMAND, 0x98, 0x88, ["pic.*.read_isr", "pic.*.special_mask_mode"], "bit 7 set: no OCW3", "an OCW3"),
  out(PIC_COMMAND, 0x78, 0x68, [], "special mask mode: masked levels do not block", "only masked levels block"),
  ...[0x01, 0x02, 0x04].map((bit) =>
    out([0x4d0], bit, bit, ["pic.master.elcr"], "ELCR: IRQ0-2 are always edge triggered", "the bit is kept"),
  ),
  ...[0x01, 0x20].map((bit) =>
    out([0x4d1], bit, bit, ["pic.slave.elcr"], "ELCR: IRQ8 and 13 are always edge triggered", "the bit is kept"),
  ),
  out([0x43], 0xc0, 0xc0, ["pit.counter_latch*"], "read-back command", "ignored"),
  out([0x43], 0x01, 0x01, [], "BCD counting", "counts in binary"),
  out([0x43], 0x06, 0x02, [], "modes 1 and 5: started by the gate", "runs at once, periodically"),
  out([0x43], 0x0e, 0x08, [], "mode 4: counts once", "runs periodically"),
  out(
    [0x43],
    0x00,
    0x00,
    ["pit.counter_enabled*"],
    "a control word stops the counter",
    "it runs on until the count is written",
  ),
  out(
    COUNTERS,
    0x00,
    0x00,
    ["pit.counter_reload*"],
    "RW 01 and 10: the other byte is 0; count 0 is 10000h",
    "the other byte stays; count 0 is FFFFh",
  ),
  {
    direction: "in",
    ports: COUNTERS,
    mask: 0,
    match: 0,
    fields: ["pit.counter_next_low*", "pit.counter_latch*"],
    hardware: "reads and writes have flip-flops of their own",
    v86: "one flip-flop, moved by reads in mode 3; a latched count is always two bytes",
  },
  out([0x61], 0x00, 0x00, [], "gate 2 and speaker data", "not kept; reads as refresh and OUT2 only"),
  out(
    [0x71],
    0x00,
    0x00,
    ["rtc.cmos_data*", "rtc.rtc_time"],
    "time and CMOS RAM",
    "dropped, but for A, B, 0Eh and the alarm",
  ),
  out([0x92], 0x01, 0x01, ["port92.a20_byte"], "bit 0 resets the CPU", "kept, no effect; A20 is always on"),
  out([0x3fa], 0x06, 0x02, [], "FCR bits 1 and 2 empty the FIFOs", "ignored; the receive FIFO has no limit"),
  out([0x3fa], 0x04, 0x04, [], "FCR bits 1 and 2 empty the FIFOs", "ignored; the receive FIFO has no limit"),
  out([0x64], 0xff, 0xfe, [], "resets the CPU", "resets CPU and 8042, nothing else"),
  out(
    [0x64],
    0x00,
    0x00,
    ["ps2.next_*", "ps2.read_*"],
    "a command forgets the one before",
    "still waits for its parameter",
  ),
  out(
    [0x08, 0x09, 0x0d, 0x0e, 0xd0, 0xd2, 0xda, 0xdc],
    0x00,
    0x00,
    ["dma.channel_mask*"],
    "8237 command, request, master clear, clear mask",
    "dropped",
  ),
  out(
    [0x0c, 0xd8],
    0x00,
    0x00,
    ["dma.lsb_msb_flipflop"],
    "clears its own 8237's byte flip-flop",
    "one flip-flop for both",
  ),
  {
    direction: "in",
    ports: [0xcf8],
    mask: 0,
    match: 0,
    fields: [],
    hardware: "the address last written",
    v86: "80000000h when the device exists, else 0",
  },
];

function out(
  ports: readonly number[],
  mask: number,
  match: number,
  fields: readonly string[],
  hardware: string,
  v86: string,
): V86Difference {
  return { direction: "out", ports, mask, match, fields, hardware, v86 };
}
