import type { Advance, Device, Instance, WindowBits } from "@portrait/classifier";
import { hex } from "../output/numbers.ts";
import { guardText } from "./device-text.ts";

/** A description as `portrait devices show -o json` prints it. */
export interface DeviceJson {
  readonly id: string;
  readonly title: string;
  readonly source: string;
  readonly instances: readonly InstanceJson[];
  readonly ports: readonly { readonly name: string; readonly offset: number; readonly widths: readonly number[] }[];
  readonly registers: readonly Record<string, unknown>[];
  readonly slots: readonly Record<string, unknown>[];
  readonly interrupts: readonly Record<string, unknown>[];
  readonly unreachable: readonly { readonly what: string; readonly why: string }[];
  readonly notModelled: readonly { readonly what: string; readonly why: string }[];
}

/** An instance: `base`, or what it is `bound` to where the guest gives it its ports. */
interface InstanceJson {
  readonly name: string;
  readonly base?: string;
  readonly bound?: Record<string, unknown>;
  readonly irq?: number;
  readonly title?: string;
}

/** A description as JSON. */
export function deviceJson(device: Device): DeviceJson {
  const { id, title, source, instances, ports, registers, slots, interrupts, unreachable, notModelled } = device;
  return {
    id,
    title,
    source,
    instances: instances.map((one) => ({
      name: one.name,
      ...placeJson(one),
      ...(one.irq !== undefined && { irq: one.irq }),
      ...(one.title !== undefined && { title: one.title }),
    })),
    ports: ports.map(({ name, offset, widths }) => ({ name, offset, widths })),
    registers: registers.map((register) => ({
      name: register.name,
      title: register.title,
      access: register.access,
      port: register.port.name,
      fields: register.fields,
      never: register.never,
    })),
    slots: slots.map((slot) => ({
      name: slot.name,
      key: slot.key.map(({ name }) => name),
      reset: slot.reset === undefined ? undefined : hex(slot.reset),
      risk: slot.risk,
      why: slot.why,
      never: slot.never,
      read: slot.read.at(-1)?.name,
      ...(slot.guards.length > 0 && { when: slot.guards.map((guard) => guardText(device, guard)) }),
      ...(slot.advance !== undefined && { advance: advanceJson(slot.advance) }),
    })),
    interrupts: interrupts.map(({ guards, shows, steps, again, why }) => ({
      when: guards.map((guard) => guardText(device, guard)),
      shows: shows.map(({ read, mask, is }) => ({ read: read.name, mask: hex(mask), is: hex(is) })),
      do: steps.map((step) => ("read" in step ? { read: step.read.name } : { write: step.write.name })),
      again: again.map(({ name }) => name),
      why,
    })),
    unreachable: unreachable.map(({ what, why }) => ({ what, why })),
    notModelled,
  };
}

function advanceJson({ writes, least, most, unit, more, meanwhile }: Advance): Record<string, unknown> {
  return {
    write: writes.map(({ register }) => register.name),
    put: writes[0]?.put.name,
    portion: { least, most, unit },
    more,
    meanwhile: Object.fromEntries(meanwhile.map(({ register, value }) => [register.name, hex(value)])),
  };
}

function placeJson({ place }: Instance): Pick<InstanceJson, "base" | "bound"> {
  if (place.kind === "fixed") return { base: hex(place.base) };
  const { to, shows, base, insteadOf, enabled, offset } = place.binding;
  const bits = (one: WindowBits) => ({ at: hex(one.at), mask: hex(one.mask) });
  return {
    bound: {
      to,
      shows: shows.map((one) => ({ ...bits(one), is: hex(one.is) })),
      base: typeof base === "number" ? hex(base) : bits(base),
      ...(insteadOf !== undefined && { insteadOf }),
      ...(enabled !== undefined && { enabled: bits(enabled) }),
      offset,
    },
  };
}
