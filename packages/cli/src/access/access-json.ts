import { hex } from "../output/numbers.ts";
import { fieldsOf, type ShownAccess, type ShownPart } from "./shown-access.ts";

/** An access as `portrait inspect` prints it in JSON. */
export function accessJson({ access, parts, verdict, criteria }: ShownAccess): Record<string, unknown> {
  const { seq, time, vcpu, direction, port, width, value, string, count, payload } = access;
  const [first, other] = parts;
  return {
    seq,
    time,
    vcpu,
    direction,
    port: hex(port),
    width,
    value: hex(value),
    ...(string && { count }),
    ...(payload !== undefined && { payload: Buffer.from(payload).toString("hex") }),
    ...(first !== undefined && other === undefined && partJson(first)),
    ...(other !== undefined && {
      parts: parts.map((part) => ({
        width: part.width,
        value: hex(part.value),
        ...partJson(part),
        verdict: part.verdict,
        ...(part.contested && { contested: true }),
      })),
    }),
    verdict,
    criteria,
  };
}

function partJson(part: ShownPart): Record<string, unknown> {
  const [register, other] = part.registers;
  if (register === undefined) return { device: part.instance.name };
  if (other !== undefined) {
    return { device: part.instance.name, candidates: part.registers.map(({ name }) => name) };
  }
  const fields = Object.fromEntries(fieldsOf(part));
  return { device: part.instance.name, register: register.name, access: register.access, fields };
}
