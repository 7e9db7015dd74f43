import { cubesHold, InstanceState, type Instance, type Register, type Rule, type Slot } from "@portrait/classifier";
import { Navigator, UnreachableError } from "./navigator.ts";
import type { PlanStep } from "./plan.ts";

/**
 * The steps that bring devices which others have used to what power-on leaves, as far as their descriptions give it and
 * port writes reach it. A plan is made for fresh devices: on used ones these steps go before it.
 */
export function resetSteps(instances: readonly Instance[]): PlanStep[] {
  const steps: PlanStep[] = [];
  const parts = instances.flatMap((instance) => {
    const fresh = new InstanceState(instance, undefined);
    const navigator = new Navigator(fresh, steps, "unknown");
    const slots = instance.device.slots.filter(({ never, key }) => never === undefined && key.length === 0);
    const orders = [...new Set(slots.map(({ order }) => order))];
    return orders.map((order) => ({ order, fresh, navigator, slots: slots.filter((slot) => slot.order === order) }));
  });
  parts.sort((a, b) => a.order - b.order);
  for (const { fresh, navigator, slots } of parts) {
    for (const slot of [...slots].sort((a, b) => a.rank - b.rank)) resetSlot(slot, fresh.instance, navigator);
    navigator.leave(fresh.selectors);
  }
  return steps;
}

function resetSlot(slot: Slot, instance: Instance, navigator: Navigator): void {
  const { reset } = slot;
  const way = reset === undefined ? undefined : wayTo(slot, reset, instance.device.registers);
  if (reset === undefined || way === undefined) return;
  const { register, rule } = way;
  const width = register.port.widths[0] ?? 8;
  const why = `as power-on leaves it: ${slot.why ?? slot.title ?? slot.name}`;
  try {
    navigator.write(register, reset, width, rule.guards, rule.drain, { from: [], why, risk: slot.risk });
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
  }
}

/** A register, and the rule of it, by which writing `value` fills the slot. */
function wayTo(
  slot: Slot,
  value: number,
  registers: readonly Register[],
): { readonly register: Register; readonly rule: Rule } | undefined {
  for (const register of registers) {
    if (register.never !== undefined || !cubesHold(register.cubes, value)) continue;
    const rule = register.onWrite.find(
      (one) => one.fill.includes(slot) && one.part === "whole" && cubesHold(one.cubes, value),
    );
    if (rule !== undefined) return { register, rule };
  }
  return undefined;
}
