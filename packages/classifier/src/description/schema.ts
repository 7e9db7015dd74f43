import { z } from "zod";

const name = z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, "expected a name of letters, digits and _");
const bit = z.int().min(0).max(31);
const word = z.int().min(0).max(0xffffffff);
const port = z.int().min(0).max(0xffff);
const reason = z.string().min(1, "expected a reason");

const pattern = z
  .string("expected a bit pattern such as xxx1xxxx; quote one made only of 0 and 1")
  .regex(/^[01x]{8}$|^[01x]{16}$|^[01x]{32}$/, "expected 8, 16 or 32 of 0, 1 and x");
/** Items a list may have; no device needs near as many, and the proof compares each with each. */
const LIST_LIMIT = 256;
const oneOrMore = <T extends z.ZodType>(type: T) => z.union([type, z.array(type).min(1).max(LIST_LIMIT)]);

const range = z.string().regex(/^(0x[0-9a-f]+|\d+)\.\.(0x[0-9a-f]+|\d+)$/i, "expected lo..hi");
const fieldMatch = z.record(name, oneOrMore(z.union([word, range])));
const match = oneOrMore(z.union([pattern, fieldMatch]));
const selectorValue = z.union([word, range, name]);
const when = z.record(name, oneOrMore(selectorValue));

const step = z.union([
  z.strictObject({ write: name, value: word.optional(), put: name.optional(), drain: name.optional() }),
  z.strictObject({ read: name }),
]);

const selector = z.strictObject({
  values: z.array(name).min(2).optional(),
  bits: z.int().min(1).max(26).optional(),
  reset: z.union([word, name]).optional(),
  reach: z
    .array(z.strictObject({ to: oneOrMore(selectorValue).optional(), when: when.optional(), do: z.array(step).min(1) }))
    .min(1)
    .optional(),
});

const rule = z.strictObject({
  match: match.optional(),
  when: when.optional(),
  set: z.record(name, z.union([word, name])).optional(),
  latch: z.record(name, name).optional(),
  add: z.record(name, z.int()).optional(),
  fill: oneOrMore(name).optional(),
  part: z.enum(["begin", "more", "end"]).optional(),
  keep: word.optional(),
  with: word.optional(),
  clear: z.record(name, z.union([word, z.literal("none")])).optional(),
  lose: z.record(name, reason).optional(),
  learn: name.optional(),
  drain: name.optional(),
  verdict: z.enum(["state", "command", "transfer"]).optional(),
});

const register = z.strictObject({
  at: name,
  access: z.enum(["RO", "WO", "RW"]),
  title: z.string().optional(),
  match: match.optional(),
  when: when.optional(),
  whenRead: when.optional(),
  whenWrite: when.optional(),
  fields: z.record(name, z.union([bit, z.tuple([bit, bit])])).optional(),
  verdict: z.enum(["command", "transfer"]).optional(),
  never: reason.optional(),
  fill: oneOrMore(name).optional(),
  keep: word.optional(),
  with: word.optional(),
  onWrite: z.array(rule).max(LIST_LIMIT).optional(),
  onRead: z.array(rule).max(LIST_LIMIT).optional(),
});

const slot = z.strictObject({
  title: z.string().optional(),
  key: oneOrMore(name).optional(),
  keys: oneOrMore(selectorValue).optional(),
  lanes: name.optional(),
  reset: word.optional(),
  rank: z.int().optional(),
  order: z.int().optional(),
  restore: z.literal("never").optional(),
  why: reason.optional(),
  risk: z.enum(["safe", "care", "danger"]).optional(),
  read: oneOrMore(name).optional(),
  compare: word.optional(),
  brokenOff: z.literal("keep").optional(),
  depth: z.int().min(2).max(16).optional(),
  takes: oneOrMore(name).optional(),
});

const portEntry = z.union([
  port,
  z.strictObject({
    offset: port,
    widths: z
      .array(z.union([z.literal(8), z.literal(16), z.literal(32)]))
      .min(1)
      .optional(),
  }),
]);

/** Bits of a dword in a window's page. */
const windowBits = z.strictObject({
  at: z.int().min(0).max(0xffff).multipleOf(4, "expected the offset of a dword: a multiple of 4"),
  mask: word,
});

const binding = z.strictObject({
  to: name,
  shows: z
    .array(windowBits.extend({ mask: word.optional(), is: word }))
    .min(1)
    .max(LIST_LIMIT),
  base: windowBits,
  enabled: windowBits.optional(),
  offset: port.optional(),
});

const instance = z.strictObject({
  base: port.optional(),
  bound: binding.optional(),
  aliases: z.array(port).optional(),
  stride: z.int().min(1).max(16).optional(),
  title: z.string().optional(),
  presence: z.enum(["always", "touched"]).optional(),
});

/** A field of an engine's dump, or the bits of one. */
const dumpField = z.union([z.string().min(1), z.strictObject({ path: z.string().min(1), mask: word })]);

const window = z.strictObject({ key: name, lanes: name, when: when.optional(), page: z.int().min(4).max(0x10000) });

/** The form of a description file, after `$` names are expanded. */
export const descriptionSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9_-]*$/, "expected a lower-case id"),
  title: z.string().min(1),
  source: z.string("expected the datasheet or other source this is taken from").min(1),
  presence: z.enum(["always", "touched"]).optional(),
  order: z.int().optional(),
  each: z.record(z.string(), z.array(word)).optional(),
  ports: z.record(name, portEntry),
  instances: z.record(name, instance),
  state: z.record(name, selector).optional(),
  preceding: z.record(name, selector).optional(),
  slots: z.record(name, slot).optional(),
  registers: z.record(name, register),
  drains: z
    .record(
      name,
      z.strictObject({
        while: name,
        mask: word,
        busy: word.optional(),
        read: name,
        limit: z.int().min(1).max(256).optional(),
      }),
    )
    .optional(),
  absent: z.strictObject({ read: name, values: z.array(word).min(1).max(LIST_LIMIT) }).optional(),
  windows: z.record(name, window).optional(),
  quiet: z
    .array(z.strictObject({ read: name, mask: word, why: reason }))
    .max(LIST_LIMIT)
    .optional(),
  unreachable: z
    .array(
      z.strictObject({
        what: z.string().min(1),
        why: reason,
        fields: z.record(z.string(), z.array(dumpField)).optional(),
      }),
    )
    .optional(),
  notModelled: z.array(z.strictObject({ what: z.string().min(1), why: reason })).optional(),
});

/** A description as its file says it. */
export type DescriptionData = z.infer<typeof descriptionSchema>;
export type InstanceData = z.infer<typeof instance>;
export type RegisterData = z.infer<typeof register>;
export type RuleData = z.infer<typeof rule>;
export type SelectorData = z.infer<typeof selector>;
export type SlotData = z.infer<typeof slot>;
export type StepData = z.infer<typeof step>;
export type MatchData = z.infer<typeof match>;
export type WhenData = z.infer<typeof when>;
