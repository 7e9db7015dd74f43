import fc from "fast-check";
import { out, read, type PortAccess } from "../../../src/fuzz/accesses.ts";
import { byte, mostly, plainGroup, type DeviceGroup } from "../device-group.ts";

const PORTS = [0x60, 0x64];
/** Commands of port 64h that v86 takes a parameter for. */
const PARAMETER_COMMANDS = [0x60, 0xd1, 0xd3, 0xd4];
const KEYBOARD_WITH_PARAMETER = [0xed, 0xf0, 0xf3];
const MOUSE_WITH_PARAMETER = [0xe8, 0xf3];

/** What v86's next byte at port 60h is taken for. */
interface Expected {
  command: number;
  keyboard: boolean;
  mouse: boolean;
}

/** Follows one write; undefined where v86 cannot judge it. */
function follow(expected: Expected, { port, value }: PortAccess): Expected | undefined {
  const { command, keyboard, mouse } = expected;
  if (port === 0x64) {
    if (command !== 0 || keyboard) return undefined;
    if (mouse && value !== 0xd4) return undefined;
    if (value === 0xd2 || value === 0xfe || (value > 0x60 && value < 0x80)) return undefined;
    return { ...expected, command: PARAMETER_COMMANDS.includes(value) ? value : 0 };
  }
  const none = { command: 0, keyboard: false, mouse: false };
  if (command === 0xd4) {
    if (mouse) return value < 0xe0 && value !== 60 ? none : undefined;
    return { ...none, mouse: MOUSE_WITH_PARAMETER.includes(value) };
  }
  if (command !== 0) return command === 0xd1 && value % 2 === 0 ? undefined : none;
  if (keyboard) return value < 0x80 ? none : undefined;
  return mouse ? undefined : { ...none, keyboard: KEYBOARD_WITH_PARAMETER.includes(value) };
}

function judged(accesses: readonly PortAccess[]): readonly PortAccess[] {
  let expected: Expected = { command: 0, keyboard: false, mouse: false };
  return accesses.filter((access) => {
    if (access.direction === "in" || !PORTS.includes(access.port)) return true;
    const next = follow(expected, access);
    if (next !== undefined) expected = next;
    return next !== undefined;
  });
}

/** Tells when a byte written to port 60h was the parameter of a mouse command. */
function mouseParameters(): (access: PortAccess) => readonly PortAccess[] {
  let expected: Expected = { command: 0, keyboard: false, mouse: false };
  return (access) => {
    if (access.direction === "in" || !PORTS.includes(access.port)) return [];
    const wasParameter = access.port === 0x60 && expected.command === 0xd4 && expected.mouse;
    expected = follow(expected, access) ?? expected;
    return wasParameter ? [out(0x60, 0xe2)] : [];
  };
}

const mouse = (...bytes: readonly number[]) =>
  bytes.flatMap((value) => [out(0x64, 0xd4), out(0x60, value), read(0x60)]);

/** The keyboard controller with keyboard and mouse. */
export const i8042: DeviceGroup = {
  ...plainGroup,
  name: "8042 with keyboard and mouse",
  fields: ["ps2.*"],
  ports: PORTS,
  pieces: fc.oneof(
    mostly(0x45, 0x47, 0x74, 0x30).map((ccb) => [out(0x64, 0x60), out(0x60, ccb)]),
    fc.constantFrom(0xa7, 0xa8, 0xad, 0xae, 0xdd, 0xdf, 0xff, 0xaa).map((command) => [out(0x64, command)]),
    fc.constantFrom(0x20, 0xd0, 0xa9, 0xab).map((command) => [out(0x64, command), read(0x64), read(0x60)]),
    byte.map((port) => [out(0x64, 0xd1), out(0x60, port | 1)]),
    byte.map((data) => [out(0x64, 0xd3), out(0x60, data), read(0x60)]),
    fc
      .tuple(fc.constantFrom(...KEYBOARD_WITH_PARAMETER), fc.integer({ min: 0, max: 7 }))
      .map(([command, value]) => [out(0x60, command), read(0x60), out(0x60, value), read(0x60)]),
    fc.constantFrom(0xf4, 0xf5, 0xf6, 0xff, 0xf2, 0xee).map((command) => [out(0x60, command), read(0x60)]),
    fc.constantFrom(0xe6, 0xe7, 0xf4, 0xf5, 0xf6, 0xff, 0xf2, 0xea, 0xe9).map((command) => mouse(command)),
    fc
      .tuple(fc.constantFrom(...MOUSE_WITH_PARAMETER), mostly(0, 1, 2, 3, 40, 100, 200))
      .map((bytes) => mouse(...bytes)),
    fc.constantFrom(...PARAMETER_COMMANDS).map((command) => [out(0x64, command)]),
    fc.constantFrom(...KEYBOARD_WITH_PARAMETER).map((command) => [out(0x60, command)]),
    fc.constantFrom(100, 200).map((rate) => mouse(0xf3, 200, 0xf3, rate, 0xf3, 80)),
  ),
  avoided: [
    {
      why: "a command forgets the one before, and bytes with bit 7 are commands; v86 waits for its parameter. v86 has no D2h and no controller RAM, and a workaround for Windows NT at sample rate 60. FEh and bit 0 of the output port reset the machine",
      without: judged,
    },
  ],
  completions: [
    {
      why: "a mouse's parameter is no command; v86 takes the byte after it for one: give it one that is not",
      start: mouseParameters,
    },
  ],
  excuses: [
    {
      why: "F6h and FFh switch scanning on; v86's keyboard keeps it as it was",
      fields: (accesses) =>
        accesses.some(
          ({ direction, port, value }) => direction === "out" && port === 0x60 && (value === 0xf6 || value === 0xff),
        )
          ? ["ps2.enable_keyboard_stream"]
          : [],
    },
  ],
  unknown: ["kbc.KBD_ALL_KEYS", "kbc.AUX_MODE"],
  idle: [
    "have_keyboard",
    "have_mouse",
    "kbd_buffer.length",
    "last_port60_byte",
    "mouse_buffer.length",
    "mouse_clicks",
    "mouse_delta_x",
    "mouse_delta_y",
    "mouse_detect_state",
    "mouse_reset_workaround",
    "next_byte_is_aux",
    "next_byte_is_ready",
    "use_mouse",
  ].map((field) => `ps2.${field}`),
};
