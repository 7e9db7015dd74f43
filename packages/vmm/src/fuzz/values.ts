import { putField, type Cube, type Device, type Register, type Rule } from "@portrait/classifier";
import { allOnes } from "@portrait/tracer";
import type { Random } from "./random.ts";

/** A value that reaches the register of the device, and mostly one that the rule takes. */
export function valueOf(device: Device, register: Register, rule: Rule | undefined, random: Random): number {
  if (rule !== undefined && random.chance(75)) return valueFor(device, register, rule, random);
  return fixed(freeBits(device, register, random), random.pick(register.cubes));
}

/** A value that reaches the register of the device and that the rule takes. */
export function valueFor(device: Device, register: Register, rule: Rule, random: Random): number {
  const shared = register.cubes.filter(
    (one) => rule.cubes.length === 0 || rule.cubes.some((other) => meet(one, other)),
  );
  const ofRegister = random.pick(shared);
  const ofRule = random.pick(rule.cubes.filter((one) => ofRegister === undefined || meet(one, ofRegister)));
  return fixed(fixed(freeBits(device, register, random), ofRule), ofRegister);
}

/** Sometimes what would be something else at the same port, had the register not been selected. */
function freeBits(device: Device, register: Register, random: Random): number {
  if (!random.chance(10)) return anyBits(register, random);
  const another = random.pick(device.registers.filter(({ port, cubes }) => port === register.port && cubes.length > 0));
  return fixed(anyBits(register, random), random.pick(another?.cubes ?? []));
}

function anyBits({ port, fields }: Register, random: Random): number {
  const width = Math.max(...port.widths);
  switch (random.below(6)) {
    case 0:
      return 0;
    case 1:
      return allOnes(width === 32 ? 32 : width === 16 ? 16 : 8);
    case 2:
      return (1 << random.below(width)) >>> 0;
    case 3:
      return fields.reduce((value, field) => {
        const bits = field.high - field.low + 1;
        return putField(field, value, random.pick([0, 1, 2 ** bits - 1, random.bits(bits)]) ?? 0);
      }, 0);
    default:
      return random.bits(width);
  }
}

function fixed(value: number, cube: Cube | undefined): number {
  return cube === undefined ? value : ((value & ~cube.mask) | cube.bits) >>> 0;
}

/** True when some value lies in both. */
function meet(one: Cube, other: Cube): boolean {
  return ((one.bits ^ other.bits) & one.mask & other.mask) === 0;
}
