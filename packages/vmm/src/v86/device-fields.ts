import type { DeviceField } from "../machine.ts";
import type { V86Cpu } from "./internals.ts";

/** Properties of v86's device objects that hold their state, as their `get_state` functions name them. */
export const DEVICE_PROPERTIES: Readonly<Record<string, readonly string[]>> = {
  pit: [
    "counter_next_low",
    "counter_enabled",
    "counter_mode",
    "counter_read_mode",
    "counter_latch",
    "counter_latch_value",
    "counter_reload",
    "counter_start_time",
    "counter_start_value",
  ],
  rtc: [
    "cmos_index",
    "cmos_data",
    "rtc_time",
    "last_update",
    "next_interrupt",
    "next_interrupt_alarm",
    "periodic_interrupt",
    "periodic_interrupt_time",
    "cmos_a",
    "cmos_b",
    "cmos_c",
    "nmi_disabled",
    "update_interrupt",
    "update_interrupt_time",
    "cmos_diag_status",
  ],
  uart0: [
    "ints",
    "baud_rate",
    "line_control",
    "lsr",
    "fifo_control",
    "ier",
    "iir",
    "modem_control",
    "modem_status",
    "scratch_register",
    "irq",
    "input.length",
  ],
  ps2: [
    "enable_mouse_stream",
    "use_mouse",
    "have_mouse",
    "mouse_delta_x",
    "mouse_delta_y",
    "mouse_clicks",
    "have_keyboard",
    "enable_keyboard_stream",
    "next_is_mouse_command",
    "next_read_sample",
    "next_read_led",
    "next_handle_scan_code_set",
    "next_read_rate",
    "next_read_resolution",
    "last_port60_byte",
    "sample_rate",
    "resolution",
    "scaling2",
    "command_register",
    "read_output_register",
    "read_command_register",
    "controller_output_port",
    "read_controller_output_port",
    "mouse_id",
    "mouse_detect_state",
    "mouse_reset_workaround",
    "next_byte_is_ready",
    "next_byte_is_aux",
    "kbd_buffer.length",
    "mouse_buffer.length",
  ],
  dma: [
    "channel_page",
    "channel_pagehi",
    "channel_addr",
    "channel_addr_init",
    "channel_count",
    "channel_count_init",
    "channel_mask",
    "channel_mode",
    "lsb_msb_flipflop",
  ],
  pci: ["pci_addr", "pci_value", "pci_response", "pci_status"],
  vga: [
    "cursor_address",
    "cursor_scanline_start",
    "cursor_scanline_end",
    "max_cols",
    "max_rows",
    "dac_state",
    "start_address",
    "start_address_latched",
    "graphical_mode",
    "vga256_palette",
    "latch_dword",
    "color_compare",
    "color_dont_care",
    "miscellaneous_graphics_register",
    "svga_width",
    "svga_height",
    "crtc_mode",
    "svga_enabled",
    "svga_bpp",
    "svga_bank_offset",
    "svga_offset",
    "index_crtc",
    "dac_color_index_write",
    "dac_color_index_read",
    "dac_map",
    "dac_mask",
    "sequencer_index",
    "plane_write_bm",
    "sequencer_memory_mode",
    "clocking_mode",
    "character_map_select",
    "graphics_index",
    "plane_read",
    "planar_mode",
    "planar_rotate_reg",
    "planar_bitmap",
    "planar_setreset",
    "planar_setreset_enable",
    "max_scan_line",
    "miscellaneous_output_register",
    "port_3DA_value",
    "dispi_index",
    "dispi_enable_value",
    "attribute_controller_index",
    "palette_source",
    "attribute_mode",
    "color_plane_enable",
    "horizontal_panning",
    "color_select",
    "crtc",
    "horizontal_display_enable_end",
    "horizontal_blank_start",
    "vertical_display_enable_end",
    "vertical_blank_start",
    "underline_location_register",
    "preset_row_scan",
    "offset_register",
    "line_compare",
    "font_page_ab_enabled",
  ],
};

/**
 * Layout of the interrupt controller's state (src/rust/cpu/pic.rs, struct Pic0); the slave's stands at index 5 of the
 * master's. `irq_mask` is the complement of IMR, `irq_map` the vector base of ICW2, `state` the ICW that is expected.
 */
export const PIC_LAYOUT = [
  "irq_mask",
  "irq_map",
  "isr",
  "irr",
  "is_master",
  undefined,
  "expect_icw4",
  "state",
  "read_isr",
  "auto_eoi",
  "elcr",
  "irq_value",
  "special_mask_mode",
] as const;

/** Index of the slave's state in the master's. */
export const PIC_SLAVE_INDEX = 5;

/**
 * Fields in which v86 keeps more than the hardware register does: FCR with its self-clearing reset bits (PC16550D, 8.5), a
 * DMA mask bit as written, which is 1 after 0Ah and the bit's weight after 0Fh, and a DMA mode with the two bits that name
 * the channel (8237A: a mode register has 6 bits).
 */
const NORMALISED: Readonly<Record<string, (value: number) => number>> = {
  "uart0.fifo_control": (value) => value & ~0b110,
  "dma.channel_mask": (value) => (value === 0 ? 0 : 1),
  "dma.channel_mode": (value) => value & ~0b11,
};

/**
 * v86's own device state as flat fields, in a fixed order: `pic.master.isr`, `pit.counter_mode[0]`,
 * `pci.device_spaces[0x08][24]`. Numbers JSON has not (NaN, Infinity) are strings. Video memory is left out: it is
 * reached by memory, not by ports. Three fields are brought to what the hardware holds: see {@link NORMALISED}.
 */
export function deviceFields(cpu: V86Cpu): readonly DeviceField[] {
  const fields: DeviceField[] = [...picFields(cpu)];
  for (const [device, properties] of Object.entries(DEVICE_PROPERTIES)) {
    for (const property of properties) {
      const path = `${device}.${property}`;
      collect(fields, path, propertyOf(cpu.devices[device], property), NORMALISED[path]);
    }
  }
  collectPciSpaces(fields, cpu);
  collect(fields, "port92.a20_byte", cpu.io.port_read8(0x92));
  collect(fields, "fw_cfg.fw_pointer", cpu.fw_pointer);
  collect(fields, "fw_cfg.fw_value.length", cpu.fw_value.length);
  return fields;
}

/** The value of a property path (`kbd_buffer.length`), undefined where a step is missing. */
export function propertyOf(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((object, name) => {
    return typeof object === "object" && object !== null ? Reflect.get(object, name) : undefined;
  }, value);
}

function picFields(cpu: V86Cpu): DeviceField[] {
  const master = cpu.get_state_pic();
  const fields: DeviceField[] = [];
  for (const [name, state] of [
    ["master", master],
    ["slave", propertyOf(master, String(PIC_SLAVE_INDEX))],
  ] as const) {
    PIC_LAYOUT.forEach((field, i) => {
      if (field !== undefined) collect(fields, `pic.${name}.${field}`, propertyOf(state, String(i)));
    });
  }
  return fields;
}

function collectPciSpaces(fields: DeviceField[], cpu: V86Cpu): void {
  const spaces = propertyOf(cpu.devices["pci"], "device_spaces");
  if (!Array.isArray(spaces)) return;
  spaces.forEach((space: unknown, bdf) => {
    if (space instanceof Int32Array) {
      collect(fields, `pci.device_spaces[0x${bdf.toString(16).padStart(2, "0")}]`, new Uint32Array(space));
    }
  });
}

function collect(
  fields: DeviceField[],
  path: string,
  value: unknown,
  normalise: (value: number) => number = (number) => number,
): void {
  if (typeof value === "boolean") fields.push({ path, value });
  else if (typeof value === "number") {
    const number = normalise(value);
    fields.push({ path, value: Number.isFinite(number) ? number : String(number) });
  } else if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    Object.values(value).forEach((element: unknown, i) => collect(fields, `${path}[${i}]`, element, normalise));
  } else throw new TypeError(`v86 device field ${path} is ${String(value)}, neither number, boolean nor array of them`);
}
