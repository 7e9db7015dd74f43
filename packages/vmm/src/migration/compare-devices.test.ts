import { builtinDescriptions, loadLibrary } from "@portrait/classifier";
import { expect, test } from "vitest";
import type { DeviceField } from "../machine.ts";
import { allowancesFor, compareDevices } from "./compare-devices.ts";

const fields = (values: Record<string, DeviceField["value"]>): DeviceField[] =>
  Object.entries(values).map(([path, value]) => ({ path, value }));

test("fields are told apart that are equal, may differ, and should not", () => {
  const source = fields({ "pic.imr": 0xfe, "pic.isr": 1, "pit.mode": 2, "uart.ier": 5 });
  const destination = fields({ "pic.imr": 0xfe, "pic.isr": 0, "pit.mode": 3, "uart.lcr": 3 });
  expect(compareDevices(source, destination, [{ path: "*.isr", why: "in service" }])).toEqual({
    fields: 5,
    equal: 1,
    unreachable: [{ path: "pic.isr", source: 1, destination: 0, why: "in service" }],
    different: [
      { path: "pit.mode", source: 2, destination: 3 },
      { path: "uart.lcr", source: undefined, destination: 3 },
      { path: "uart.ier", source: 5, destination: undefined },
    ],
  });
});

test.each([
  [0x1c, 0x18, 0],
  [0x1c, 0x1d, 1],
  [0x1c, 0x19, 1],
  ["1c", "18", 1],
])("of a field that may differ in bit 2 only, %s and %s", (source, destination, different) => {
  const allowances = [{ path: "kbd.status", mask: 0x04, why: "system flag" }];
  const compared = compareDevices(fields({ "kbd.status": source }), fields({ "kbd.status": destination }), allowances);
  expect(compared.different).toHaveLength(different);
});

test.each([
  [0x1c, 0x04, "sends; sends on"],
  [0x1c, 0x0c, "sends on"],
  [0x1c, 0x05, undefined],
])("of a field whose bits may differ for a reason each, %i and %i", (source, destination, why) => {
  const allowances = [
    { path: "nic.csr", mask: 0x08, why: "sends" },
    { path: "nic.*", mask: 0x10, why: "sends on" },
  ];
  const compared = compareDevices(fields({ "nic.csr": source }), fields({ "nic.csr": destination }), allowances);
  expect(compared.unreachable.map((one) => one.why)).toEqual(why === undefined ? [] : [why]);
});

test("a field that may differ from one value of the source's may not from another", () => {
  const allowances = [{ path: "nic.sent[*]", from: 0x2000, why: "never used" }];
  const source = fields({ "nic.sent[0]": 0x2000, "nic.sent[1]": 0xa03c });
  const destination = fields({ "nic.sent[0]": 0xa03c, "nic.sent[1]": 0x2000 });
  expect(compareDevices(source, destination, allowances)).toMatchObject({
    unreachable: [{ path: "nic.sent[0]" }],
    different: [{ path: "nic.sent[1]" }],
  });
});

test("what a guest needs must not differ, although no plan could make it equal", () => {
  const allowances = [{ path: "nic.next", why: "only frames move it", needed: true }];
  expect(compareDevices(fields({ "nic.next": 3 }), fields({ "nic.next": 0 }), allowances)).toMatchObject({
    unreachable: [],
    different: [{ path: "nic.next", source: 3, destination: 0, why: "only frames move it" }],
  });
});

test("bits that a guest needs count, whatever else lets the field differ", () => {
  const allowances = [
    { path: "pic.irr", why: "follows the lines" },
    { path: "pic.irr", mask: 0x10, needed: true, why: "was pending" },
  ];
  const differs = (source: number, destination: number) =>
    compareDevices(fields({ "pic.irr": source }), fields({ "pic.irr": destination }), allowances).different;
  expect(differs(0x11, 0x10)).toEqual([]);
  expect(differs(0x11, 0x01)).toEqual([{ path: "pic.irr", source: 0x11, destination: 0x01, why: "was pending" }]);
});

test.each(["plan", "guest"] as const)(
  "a description's needed field counts where it is a guest that goes on: %s",
  (judged) => {
    const library = loadLibrary(builtinDescriptions(), { aliases: false });
    const next = allowancesFor(library, "qemu", [], judged).find(({ path }) => path === "*/rtl8139[0].currCPlus*");
    expect(next?.needed).toBe(judged === "guest");
  },
);

test("a path stands for itself, but for its stars", () => {
  const allowances = [{ path: "i8259[*].isr", why: "in service" }];
  const compared = compareDevices(fields({ "i8259[1].isr": 1, "i82591.isr": 1 }), [], allowances);
  expect(compared.different.map(({ path }) => path)).toEqual(["i82591.isr"]);
});

test.each([
  [0x4f, 0, undefined],
  [0x5f, 0, 0x4f],
  [0x4f, 1, 0x5e],
])("of a field that one side may leave out, %i is %i differences from %s", (source, different, destination) => {
  const allowances = [{ path: "kbd.outport", mask: 0x10, absent: 0x4f, why: "a pin" }];
  const other = destination === undefined ? [] : fields({ "kbd.outport": destination });
  expect(compareDevices(fields({ "kbd.outport": source }), other, allowances).different).toHaveLength(different);
});

test.each([
  [4, 4, 1],
  [4, 3, 0],
  [3, 3, 0],
])("a field may differ unless another is 4 on both sides: %i and %i", (here, there, different) => {
  const allowances = [{ path: "pit.latch", unless: { path: "pit.state", is: 4 }, why: "of no account" }];
  const compared = compareDevices(
    fields({ "pit.latch": 1, "pit.state": here }),
    fields({ "pit.latch": 2, "pit.state": there }),
    allowances,
  );
  expect(compared.different.map(({ path }) => path)).toEqual([
    ...(different === 1 ? ["pit.latch"] : []),
    ...(here === there ? [] : ["pit.state"]),
  ]);
});

test.each([
  ["*", "anything", true],
  ["*/ide[*].bmdma[*].status", "0000:00:01.1/ide[0].bmdma[1].status", true],
  ["*/ide[*].bmdma[*].status", "0000:00:01.1/ide[0].bmdma[1].statuses", false],
  ["*/ide[*].bmdma[*].status", "ide[0].bmdma[1].status", false],
  ["fw_cfg[0].cur_offset*", "fw_cfg[0].cur_offset", true],
  ["a*a", "a", false],
  ["a*b*b", "ab", false],
  ["a*b*b", "a.b.b", true],
])("%s stands for %s: %s", (pattern, path, covered) => {
  const { unreachable } = compareDevices(fields({ [path]: 1 }), fields({ [path]: 2 }), [{ path: pattern, why: "" }]);
  expect(unreachable).toHaveLength(covered ? 1 : 0);
});
