import { z } from "zod";

/** An object with these keys and no others; `id` is its name in the JSON Schema. */
function form<T extends z.core.$ZodLooseShape>(shape: T, id?: string) {
  const there = Object.keys(shape).join(", ");
  const object = z.strictObject(shape, {
    error: ({ code }) => (code === "unrecognized_keys" ? `not a key here; there is ${there}` : undefined),
  });
  return id === undefined ? object : object.register(z.globalRegistry, { id });
}

/** A form that stands in lists, where it may stand once for each value of a name: its `each` is gone when it is read. */
function item<T extends z.core.$ZodLooseShape>(shape: T, id?: string) {
  return form(shape).meta({ ...(id !== undefined && { id }), [IS_ITEM]: true });
}

/** Marks in a schema's metadata what {@link item} made. */
export const IS_ITEM = "isItem";

/** What things are called. */
export const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

const NAME_EXPECTED = "expected a name of letters, digits and _ that begins with a letter";
const name = z.string(NAME_EXPECTED).regex(NAME, NAME_EXPECTED).meta({ id: "name" });
const bit = z.int().min(0).max(31);
const word = z.int().min(0).max(0xffffffff);
const port = z.int().min(0).max(0xffff);
const reason = z.string().min(1, "expected a reason");

const pattern = z.string().regex(/^[01x]{8}$|^[01x]{16}$|^[01x]{32}$/, "expected 8, 16 or 32 of 0, 1 and x");
/** Items a list may have; no device needs near as many, and the proof compares each with each. */
const LIST_LIMIT = 256;
const oneOrMore = <T extends z.ZodType>(type: T) => z.union([type, z.array(type).min(1).max(LIST_LIMIT)]);
/** Values, or all but some. */
const valuesOf = <T extends z.ZodType>(type: T) => z.union([oneOrMore(type), form({ not: oneOrMore(type) })]);

const range = z.string().regex(/^(0x[0-9a-fA-F]+|\d+)\.\.(0x[0-9a-fA-F]+|\d+)$/, "expected lo..hi");
const fieldMatch = z.record(name, valuesOf(z.union([word, range])));
const matchOne = z.union(
  [pattern, fieldMatch],
  "expected a bit pattern such as xxx1xxxx, or fields such as { MODE: 2 }; quote a pattern made only of 0 and 1",
);
const match = oneOrMore(matchOne).describe("data bits: a pattern such as xxx1xxxx, or values of fields");
const selectorValue = z.union([word, range, name]);
const when = z
  .record(name, valuesOf(selectorValue))
  .meta({ id: "when", description: "values of selectors, as they are before the access" });

const step = z
  .union([
    item({
      write: name.describe("register to write"),
      value: word.optional().describe("what to write; else what its slot holds, or the fixed bits of its pattern"),
      put: name.optional().describe("field that takes the selector's value"),
      drain: name.optional().describe("answer to read away afterwards"),
    }),
    item({ read: name.describe("register to read") }),
  ])
  .meta({ id: "step" });

const selector = form(
  {
    values: z.array(name).min(2).optional().describe("names of its values"),
    bits: z.int().min(1).max(26).optional().describe("how many bits it has, where its values are numbers"),
    reset: z.union([word, name]).optional().describe("its value after reset; the first when left out"),
    reach: z
      .array(item({ to: valuesOf(selectorValue).optional(), when: when.optional(), do: z.array(step).min(1) }))
      .min(1)
      .optional()
      .describe("ways to bring it to a value"),
  },
  "selector",
);

const rule = item(
  {
    match: match.optional(),
    when: when.optional(),
    set: z
      .record(name, z.union([word, name]))
      .optional()
      .describe("selectors that take a value"),
    latch: z.record(name, name).optional().describe("selectors that take a field of the value"),
    add: z.record(name, z.int()).optional().describe("selectors that count, wrapping around"),
    fill: oneOrMore(name).optional().describe("slots that the write establishes"),
    part: z.enum(["begin", "more", "end"]).optional().describe("place in a group of writes that only counts whole"),
    keep: word.optional().describe("bits of the write that come back"),
    with: word.optional().describe("bits that come back as 1 besides"),
    clear: z
      .record(name, z.union([word, z.literal("none")]))
      .optional()
      .describe("slots that take a value as a consequence, or none"),
    lose: z.record(name, reason).optional().describe("slots that are unknown from here, and why"),
    drop: oneOrMore(name).optional().describe("slots of which what is half done is broken off, and had no effect"),
    learn: name.optional().describe("slot whose value the read showed"),
    drain: name.optional().describe("answer that follows"),
    verdict: z.enum(["state", "command", "transfer"]).optional().describe("what the access is"),
  },
  "rule",
);

const register = form(
  {
    at: name.describe("port it stands at"),
    access: z.enum(["RO", "WO", "RW"]).describe("read-only, write-only, or both"),
    title: z.string().optional().describe("what it is, in words"),
    match: match.optional(),
    when: when.optional(),
    whenRead: when.optional().describe("values of selectors, for reads alone"),
    whenWrite: when.optional().describe("values of selectors, for writes alone"),
    fields: z
      .record(name, z.union([bit, z.tuple([bit, bit])], "expected a bit such as 7, or bits such as [7, 4]"))
      .optional()
      .describe("bit number, or [high, low]; bits without a meaning are UNKn"),
    verdict: z.enum(["command", "transfer"]).optional().describe("what an access to it is, where it leaves no state"),
    never: reason.optional().describe("why a write to it must not be repeated"),
    fill: oneOrMore(name).optional().describe("slots that every write to it establishes"),
    keep: word.optional().describe("bits of the write that come back"),
    with: word.optional().describe("bits that come back as 1 besides"),
    onWrite: z.array(rule).max(LIST_LIMIT).optional().describe("rules for writes"),
    onRead: z.array(rule).max(LIST_LIMIT).optional().describe("rules for reads"),
  },
  "register",
);

const advance = form(
  {
    write: oneOrMore(name).describe("registers to write, one after the other"),
    put: name.describe("field of each that takes a portion"),
    portion: form({
      least: z.int().min(1).max(0xffff),
      most: z.int().min(1).max(0xffff),
      unit: z.int().min(1).max(0xffff).optional(),
    }).describe("the least and the most that one write takes, and what portions are multiples of"),
    more: z.int().min(0).max(0xffff).optional().describe("how much further than its portion each write moves the slot"),
    meanwhile: z.record(name, word).optional().describe("what other registers hold while it is brought on"),
  },
  "advance",
);

const slot = form(
  {
    title: z.string().optional().describe("what it is, in words"),
    key: oneOrMore(name).optional().describe("selectors whose values make it several slots"),
    keys: oneOrMore(selectorValue).optional().describe("all its keys, where each can be read back"),
    lanes: name.optional().describe("port from which the bytes of a wider access are counted as keys"),
    reset: word.optional().describe("value after reset"),
    rank: z.int().optional().describe("place among the device's slots in a plan, low first"),
    order: z.int().optional().describe("place among all devices' slots in a plan, instead of the device's"),
    restore: z.literal("never").optional().describe("never: plans leave it out"),
    why: reason.optional().describe("why it is restored as it is, or left out"),
    risk: z.enum(["safe", "care", "danger"]).optional().describe("how much harm a repeated write can do"),
    read: oneOrMore(name).optional().describe("register that reads it back without side effects"),
    compare: word.optional().describe("bits that a read back compares"),
    brokenOff: z.literal("keep").optional().describe("keep: also what a new beginning of a group broke off"),
    depth: z.int().min(2).max(16).optional().describe("how many of the last writes it holds"),
    takes: oneOrMore(name).optional().describe("slots whose last writes are its parameters"),
    when: when.optional().describe("what selectors must be while it is brought back"),
    advance: advance.optional().describe("how it is brought on from its reset value, where no write fills it"),
  },
  "slot",
);

const portEntry = z.union([
  port,
  form({
    offset: port,
    widths: z
      .array(z.union([z.literal(8), z.literal(16), z.literal(32)]))
      .min(1)
      .optional(),
  }),
]);

/** Bits of a dword in a window's page. */
const windowBits = form({
  at: z.int().min(0).max(0xffff).multipleOf(4, "expected the offset of a dword: a multiple of 4"),
  mask: word,
});

const binding = form({
  to: name,
  shows: z
    .array(item({ ...windowBits.shape, mask: word.optional(), is: word }))
    .min(1)
    .max(LIST_LIMIT),
  base: z.union([port, windowBits]),
  insteadOf: name.optional(),
  enabled: windowBits.optional(),
  offset: port.optional(),
});

const instance = form(
  {
    base: port.optional().describe("where the PC has it"),
    bound: binding.optional().describe("where the guest puts it"),
    aliases: z.array(port).optional().describe("other bases that a chipset may decode"),
    stride: z.int().min(1).max(16).optional().describe("distance between offsets"),
    irq: z.int().min(0).max(15).optional().describe("line of the interrupt controllers that it asks on"),
    title: z.string().optional().describe("what it is, in words"),
    presence: z
      .enum(["always", "touched"])
      .optional()
      .describe("always: every PC has it; touched: it counts once the guest used it"),
  },
  "instance",
);

/** A field of an engine's dump, or the bits of one. */
const dumpField = z.union([
  z.string().min(1),
  form({
    path: z.string().min(1),
    mask: word.optional().describe("the bits of it that may differ"),
    from: word.optional().describe("the value that it has at the source where it may differ"),
  }),
]);

/** What every entry of `quiet` may say. */
const quietEntry = {
  when: when.optional(),
  unless: z.literal("interrupt").optional().describe("not where its interrupt is pending and is made so again"),
  why: reason,
};

const interrupt = item(
  {
    when: when.optional(),
    shows: z
      .array(item({ read: name, mask: word.optional(), is: word }))
      .max(LIST_LIMIT)
      .optional()
      .describe("what registers show then, at the source before and at the destination afterwards"),
    do: z
      .array(step)
      .min(1)
      .optional()
      .describe("what raises the request; nothing where another device on the line does"),
    again: oneOrMore(name).optional().describe("slots that this changes, and that are brought back once more"),
    why: reason,
  },
  "interrupt",
);

const window = form({ key: name, lanes: name, when: when.optional(), page: z.int().min(4).max(0x10000) });

const eachValues = z.array(z.union([word, z.string().regex(/^[0-9A-Za-z_]{0,16}$/, "expected letters, digits and _")]));

/** The form of a description file, after `$` names are expanded. */
export const descriptionSchema = form({
  id: z
    .string()
    .regex(/^[a-z][a-z0-9_-]*$/, "expected lower-case letters, digits, - and _, a letter first")
    .describe("name of the device type"),
  title: z.string().min(1).describe("what it is, in words"),
  source: z.string("expected the datasheet or other source this is taken from").min(1).describe("the datasheet"),
  extends: z.string().min(1).optional().describe("another description, of which this one says what differs"),
  presence: z
    .enum(["always", "touched"])
    .optional()
    .describe("always: every PC has it; touched: it counts once the guest used it"),
  order: z.int().optional().describe("place among the devices of a plan, low first; 50 when left out"),
  each: z
    .record(name, z.union([eachValues, form({ with: name.describe("name that it goes with"), values: eachValues })]))
    .optional()
    .describe("names for which $name stands below, once for each value"),
  ports: z.record(name, portEntry).describe("offsets from the base"),
  instances: z.record(name, instance).describe("the devices of this type, and where they stand"),
  state: z.record(name, selector).optional().describe("selectors that are device state"),
  preceding: z.record(name, selector).optional().describe("selectors that remember the accesses before"),
  slots: z.record(name, slot).optional().describe("what writes leave behind"),
  registers: z.record(name, register).describe("what accesses reach"),
  drains: z
    .record(
      name,
      form({
        while: name,
        mask: word,
        busy: word.optional(),
        read: name,
        limit: z.int().min(1).max(256).optional(),
      }),
    )
    .optional()
    .describe("answers to be read away"),
  absent: z
    .strictObject({ read: name, values: z.array(word).min(1).max(LIST_LIMIT) })
    .optional()
    .describe("how the ports answer where there is no such device"),
  windows: z.record(name, window).optional().describe("where the ports of other devices are programmed"),
  quiet: z
    .array(
      z.union([
        item({ read: name, mask: word, enabledBy: name.optional(), ...quietEntry }),
        item({ read: name, values: oneOrMore(z.union([word, range])), ...quietEntry }),
        item({ ring: form({ next: name, taken: name, first: name, end: name }), ...quietEntry }),
        item({ ...quietEntry, when }),
      ]),
    )
    .max(LIST_LIMIT)
    .optional()
    .describe("when the device is busy with what no plan brings back"),
  interrupts: z.array(interrupt).max(LIST_LIMIT).optional().describe("how a pending interrupt is made so again"),
  unreachable: z
    .array(
      item({
        what: z.string().min(1),
        why: reason,
        needed: z.literal(true).optional(),
        fields: z.record(z.string(), z.array(dumpField)).optional(),
      }),
    )
    .optional()
    .describe("state that no port write restores, and why"),
  notModelled: z
    .array(item({ what: z.string().min(1), why: reason }))
    .optional()
    .describe("what is left out on purpose, and why"),
});

/** A description as its file says it. */
export type DescriptionData = z.infer<typeof descriptionSchema>;
export type QuietData = NonNullable<DescriptionData["quiet"]>[number];
export type QuietRingData = Extract<QuietData, { ring: unknown }>;
export type QuietValuesData = Extract<QuietData, { values: unknown }>;
export type QuietBitsData = Extract<QuietData, { mask: unknown }>;
export type QuietSelectorsData = Exclude<QuietData, QuietRingData | QuietValuesData | QuietBitsData>;
export type InstanceData = z.infer<typeof instance>;
export type RegisterData = z.infer<typeof register>;
export type RuleData = z.infer<typeof rule>;
export type SelectorData = z.infer<typeof selector>;
export type SlotData = z.infer<typeof slot>;
export type AdvanceData = z.infer<typeof advance>;
export type InterruptData = z.infer<typeof interrupt>;
export type StepData = z.infer<typeof step>;
export type MatchData = z.infer<typeof match>;
export type WhenData = z.infer<typeof when>;
