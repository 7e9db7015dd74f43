import { expect, test } from "vitest";
import { interruptsOf, requestBits } from "./interrupts.ts";

/** What QEMU 7.2 prints of its controllers, the second one first. */
const controllers = (first: string, second: string) => ({
  monitor: () =>
    Promise.resolve(
      `pic1: ${second} hprio=0 irq_base=28 rr_sel=0 elcr=0c fnm=0\r\npic0: ${first} hprio=0 irq_base=20 rr_sel=0 elcr=00 fnm=0\r\n`,
    ),
});

const IDLE = "irr=00 imr=ff isr=00";

test.each([
  { what: "nothing", first: IDLE, second: IDLE, pending: [] },
  { what: "what is masked", first: "irr=19 imr=19 isr=00", second: "irr=ff imr=ff isr=00", pending: [] },
  { what: "several of both", first: "irr=0d imr=f2 isr=00", second: "irr=41 imr=be isr=00", pending: [0, 3, 8, 14] },
  { what: "a request of the second that it does not have", first: "irr=04 imr=00 isr=00", second: IDLE, pending: [2] },
  { what: "what the first does not let through", first: IDLE, second: "irr=40 imr=00 isr=00", pending: [14] },
])("pending is $what: $pending", async ({ first, second, pending }) => {
  expect(await interruptsOf(controllers(first, second))).toEqual({ inService: [], pending });
});

test("a controller with an interrupt in service is told", async () => {
  const { inService } = await interruptsOf(controllers("irr=01 imr=00 isr=04", "irr=00 imr=00 isr=40"));
  expect(inService).toEqual([
    { device: "pic2", why: "an interrupt is in service" },
    { device: "pic1", why: "an interrupt is in service" },
  ]);
});

test.each([
  { irqs: [], masks: [0, 0] },
  { irqs: [0, 3], masks: [0x09, 0] },
  { irqs: [4, 14, 15], masks: [0x14, 0xc0] },
])(
  "the request bits of $irqs, and of the line between the controllers, must be as at the source",
  ({ irqs, masks }) => {
    const bits = requestBits(irqs).map(({ path, mask, needed }) => ({ path, mask, needed }));
    expect(bits).toEqual(masks.map((mask, i) => ({ path: `i8259[${i}].irr`, mask, needed: true })));
  },
);
