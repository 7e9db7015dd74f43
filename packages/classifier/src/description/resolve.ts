import type {
  AdvanceData,
  DescriptionData,
  InstanceData,
  InterruptData,
  QuietBitsData,
  QuietRingData,
  QuietValuesData,
  RegisterData,
  RuleData,
  SelectorData,
  SlotData,
  StepData,
  WhenData,
} from "./schema.ts";
import type {
  Absent,
  Advance,
  Binding,
  Device,
  Drain,
  Field,
  Guard,
  Instance,
  Interrupt,
  Place,
  Port,
  Quiet,
  Reach,
  Register,
  Rule,
  Selector,
  Slot,
  Step,
  Unreachable,
  Window,
} from "./model.ts";
import { hex } from "./hex.ts";
import { fieldOf } from "./model.ts";
import { boundsOf, cubesOf, fieldsOf, rangesOf, type Report } from "./patterns.ts";
import type { DescriptionProblem } from "./problem.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Path = readonly (string | number)[];
/** What every form of `quiet` has. */
type QuietEntry = Pick<Quiet, "guards" | "unlessInterrupt" | "why">;

/** Where things of a kind are named. */
const HOMES = {
  port: "under ports",
  selector: "under state or preceding",
  "slot or register": "under slots or registers",
  register: "under registers",
  drain: "under drains",
} as const;

/** Keys a description may list for one slot. */
const KEY_LIMIT = 1024;

const list = <T>(value: T | T[] | undefined): T[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];
const entries = <T>(record: Record<string, T> | undefined): [string, T][] => Object.entries(record ?? {});

/** Resolves the names of a description. Problems are added to `problems`; the device is usable only if there are none. */
export function resolve(data: DescriptionData, problems: DescriptionProblem[]): Device {
  return new Resolver(data, problems).device();
}

/** Turns names into references in the order the references allow: ports, selectors, slots, registers, then what names registers. */
class Resolver {
  readonly #data: DescriptionData;
  readonly #problems: DescriptionProblem[];
  readonly #ports = new Map<string, Port>();
  readonly #selectors = new Map<string, Mutable<Selector>>();
  readonly #slots = new Map<string, Mutable<Slot>>();
  readonly #registers = new Map<string, Mutable<Register>>();
  readonly #drains = new Map<string, Drain>();

  constructor(data: DescriptionData, problems: DescriptionProblem[]) {
    this.#data = data;
    this.#problems = problems;
  }

  device(): Device {
    const data = this.#data;
    this.#resolvePorts();
    this.#resolveSelectors("state", data.state);
    this.#resolveSelectors("preceding", data.preceding);
    this.#resolveSlots();
    this.#resolveRegisters();
    this.#resolveDrains();
    this.#resolveSlotReferences();
    for (const [name, register] of this.#registers) this.#resolveRules(name, register);
    for (const [name, register] of this.#registers) this.#checkDrops(name, register);
    this.#resolveAdvances();
    this.#resolveReaches("state", data.state);
    this.#resolveReaches("preceding", data.preceding);
    const instances: Instance[] = [];
    const device: Device = {
      id: data.id,
      title: data.title,
      source: data.source,
      order: data.order ?? 50,
      ports: [...this.#ports.values()],
      selectors: [...this.#selectors.values()],
      slots: [...this.#slots.values()],
      registers: [...this.#registers.values()],
      drains: [...this.#drains.values()],
      instances,
      absent: this.#absent(),
      windows: this.#windows(),
      quiet: this.#quiet(),
      interrupts: (data.interrupts ?? []).map((one, i) => this.#interrupt(one, ["interrupts", i])),
      unreachable: (data.unreachable ?? []).map(({ fields, needed, ...one }) => ({
        ...one,
        needed: needed === true,
        fields: dumpFields(fields),
      })),
      notModelled: data.notModelled ?? [],
    };
    for (const [name, one] of entries(data.instances)) {
      const place = this.#place(one, ["instances", name]);
      if (place === undefined) continue;
      const always = (one.presence ?? data.presence ?? "touched") === "always";
      if (always && place.kind === "bound") {
        this.#problem(["instances", name], "presence: always is for a device whose ports every PC has at one place");
      }
      this.#checkPlace(place, one.stride ?? 1, ["instances", name]);
      instances.push({ name, device, place, stride: one.stride ?? 1, irq: one.irq, always, title: one.title });
    }
    this.#checkLines(device);
    return device;
  }

  #place({ base, bound, aliases }: InstanceData, path: Path): Place | undefined {
    if (base !== undefined && bound === undefined) return { kind: "fixed", base, aliases: aliases ?? [] };
    if (base !== undefined || bound === undefined) {
      return this.#problem(path, "expected either base: address or bound: to a window");
    }
    if (aliases !== undefined) this.#problem([...path, "aliases"], "aliases are of a fixed base");
    return { kind: "bound", binding: this.#binding(bound, [...path, "bound"]) };
  }

  #checkPlace(place: Place, stride: number, path: Path): void {
    if (place.kind === "bound") return;
    const beyond = [...this.#ports.values()].find(({ offset }) => place.base + offset * stride > 0xffff);
    if (beyond === undefined) return;
    const what = `${beyond.name} is at ${hex(beyond.offset)} from base ${hex(place.base)}, beyond port 0xffff`;
    this.#problem(path, `${what}; ports are offsets from the base`);
  }

  #binding(bound: NonNullable<InstanceData["bound"]>, path: Path): Binding {
    const shows = bound.shows.map(({ at, mask, is }, i) => {
      const bits = mask ?? 0xffffffff;
      if ((is & ~bits) !== 0) this.#problem([...path, "shows", i, "is"], "has bits outside the mask");
      return { at, mask: bits, is };
    });
    const { to, base, insteadOf, enabled, offset = 0 } = bound;
    return { to, shows, base, insteadOf, enabled, offset };
  }

  #quiet(): Quiet[] {
    return (this.#data.quiet ?? []).flatMap((one, i): Quiet[] => {
      const path = ["quiet", i];
      const guards = this.#guards(one.when, [...path, "when"]);
      const entry = { guards, unlessInterrupt: one.unless !== undefined, why: one.why };
      if ("ring" in one) return this.#quietRing(one, entry, path);
      if ("values" in one) return this.#quietValues(one, entry, path);
      return "read" in one ? this.#quietBits(one, entry, path) : [{ kind: "selectors", ...entry }];
    });
  }

  #quietValues({ read: name, values }: QuietValuesData, entry: QuietEntry, path: Path): Quiet[] {
    const read = this.#readable(name, [...path, "read"]);
    const ranges = list(values).map((one) => (typeof one === "string" ? boundsOf(one) : ([one, one] as const)));
    return read === undefined ? [] : [{ kind: "values", read, ranges, ...entry }];
  }

  #quietBits({ read: name, mask, enabledBy: slot }: QuietBitsData, entry: QuietEntry, path: Path): Quiet[] {
    const read = this.#readable(name, [...path, "read"]);
    const enabledBy = slot === undefined ? undefined : this.#slot(slot, [...path, "enabledBy"]);
    return read === undefined ? [] : [{ kind: "bits", read, mask, enabledBy, ...entry }];
  }

  #quietRing({ ring }: QuietRingData, entry: QuietEntry, path: Path): Quiet[] {
    const [next, taken] = (["next", "taken"] as const).map((key) => this.#readable(ring[key], [...path, "ring", key]));
    const [first, end] = (["first", "end"] as const).map((key) => this.#slot(ring[key], [...path, "ring", key]));
    if (next === undefined || taken === undefined || first === undefined || end === undefined) return [];
    return [{ kind: "ring", next, taken, first, end, ...entry }];
  }

  #interrupt({ when, shows, do: steps, again, why }: InterruptData, path: Path): Interrupt {
    const seen = (shows ?? []).map(({ read: name, mask = 0xffffffff, is }, i) => {
      const at = [...path, "shows", i];
      if ((is & ~mask) !== 0) this.#problem([...at, "is"], "has bits outside the mask");
      const read = this.#readable(name, [...at, "read"]);
      return read && { read, mask, is };
    });
    const taken = list(steps).map((step, i) => {
      const at = [...path, "do", i];
      if ("put" in step) this.#problem([...at, "put"], "only a way to a selector puts its value");
      return this.#step(step, at);
    });
    const slots = list(again).map((slot) => this.#slot(slot, [...path, "again"]));
    if (steps === undefined && slots.length === 0) this.#problem(path, "expected steps under do, or slots under again");
    return {
      guards: this.#guards(when, [...path, "when"]),
      shows: seen.filter((one) => one !== undefined),
      steps: taken.filter((step) => step !== undefined),
      again: slots.filter((slot) => slot !== undefined),
      why,
    };
  }

  /** What is said of a device's interrupt needs an instance that says on which line it is. */
  #checkLines({ instances, interrupts, quiet }: Device): void {
    if (instances.some(({ irq }) => irq !== undefined)) return;
    if (interrupts.length > 0) this.#problem(["interrupts"], "no instance says on which line it asks: irq");
    quiet.forEach(({ unlessInterrupt }, i) => {
      if (unlessInterrupt) this.#problem(["quiet", i, "unless"], "no instance says on which line it asks: irq");
    });
  }

  #readable(name: string, path: Path): Register | undefined {
    const register = this.#register(name, path);
    if (register?.access === "WO") this.#problem(path, `${name} cannot be read`);
    return register;
  }

  #windows(): Window[] {
    return entries(this.#data.windows).flatMap(([name, one]): Window[] => {
      const path = ["windows", name];
      const key = this.#look(this.#selectors, "selector", one.key, [...path, "key"]);
      const lanes = this.#look(this.#ports, "port", one.lanes, [...path, "lanes"]);
      if (key === undefined || lanes === undefined) return [];
      if (lanes.widths[0] !== 32) this.#problem([...path, "lanes"], `${lanes.name} is not read 32 bits wide first`);
      if (!Number.isInteger(Math.log2(one.page))) this.#problem([...path, "page"], "expected a power of two");
      return [{ name, key: [key], lanes, guards: this.#guards(one.when, [...path, "when"]), pageBytes: one.page }];
    });
  }

  readonly #report: Report = (path, message) => {
    this.#problems.push({ path, message });
  };

  #problem(path: Path, message: string): undefined {
    this.#report(path, message);
    return undefined;
  }

  #look<T>(map: ReadonlyMap<string, T>, kind: keyof typeof HOMES, name: string, path: Path): T | undefined {
    const found = map.get(name);
    if (found !== undefined) return found;
    const known = [...map.keys()];
    const shown = known.slice(0, 12).join(", ") + (known.length > 12 ? ", …" : "");
    return this.#problem(path, `no ${kind} "${name}"; there is ${shown === "" ? `none ${HOMES[kind]}` : shown}`);
  }

  #resolvePorts(): void {
    for (const [name, entry] of entries(this.#data.ports)) {
      const { offset, widths = [8] } = typeof entry === "number" ? { offset: entry } : entry;
      for (const other of this.#ports.values()) {
        const both = other.offset === offset ? widths.find((width) => other.widths.includes(width)) : undefined;
        if (both === undefined) continue;
        const what = `an access of ${both} bits at offset ${hex(offset)} is ${other.name}'s already`;
        this.#problem(["ports", name], `${what}; registers may share a port, told apart by access, match or when`);
      }
      this.#ports.set(name, { index: this.#ports.size, name, offset, widths });
    }
  }

  #resolveSelectors(kind: Selector["kind"], section: Record<string, SelectorData> | undefined): void {
    for (const [name, one] of entries(section)) {
      const path = [kind, name];
      if (this.#selectors.has(name)) this.#problem(path, "stands in both state and preceding");
      if ((one.values === undefined) === (one.bits === undefined)) {
        this.#problem(path, "expected either values: [names] or bits: n");
      }
      const selector: Mutable<Selector> = {
        index: this.#selectors.size,
        name,
        kind,
        size: one.values?.length ?? 2 ** (one.bits ?? 1),
        values: one.values,
        reset: 0,
        reach: [],
      };
      if (one.reset !== undefined) selector.reset = this.#valueOf(selector, one.reset, [...path, "reset"]) ?? 0;
      this.#selectors.set(name, selector);
    }
  }

  #valueOf(selector: Selector, value: string | number, path: Path): number | undefined {
    const number = typeof value === "number" ? value : selector.values?.indexOf(value);
    if (number !== undefined && number >= 0 && number < selector.size) return number;
    const known = selector.values?.join(", ") ?? `0..${selector.size - 1}`;
    return this.#problem(path, `${selector.name} has no value ${value}; its values are ${known}`);
  }

  #guard(name: string, values: WhenData[string], path: Path): Guard | undefined {
    const selector = this.#look(this.#selectors, "selector", name, path);
    if (selector === undefined) return undefined;
    const ranges = rangesOf(values, selector.size - 1, (value) => {
      const [lo, hi] = typeof value === "string" && value.includes("..") ? boundsOf(value) : [value, value];
      const first = this.#valueOf(selector, lo, path);
      const last = hi === lo ? first : this.#valueOf(selector, hi, path);
      if (first === undefined || last === undefined) return undefined;
      return last < first ? this.#problem(path, `the range ${String(value)} is empty`) : [first, last];
    });
    if (ranges?.length === 0) return this.#problem(path, "leaves no value");
    if (ranges === undefined) return undefined;
    return { selector: selector.index, ranges };
  }

  #guards(when: WhenData | undefined, path: Path): Guard[] {
    const guards = entries(when).map(([name, values]) => this.#guard(name, values, [...path, name]));
    return guards.filter((guard) => guard !== undefined);
  }

  #resolveSlots(): void {
    for (const [name, one] of entries(this.#data.slots)) {
      const path = ["slots", name];
      if (one.restore === "never" && one.why === undefined) this.#problem(path, "restore: never needs a reason in why");
      if (one.lanes !== undefined && one.key === undefined) this.#problem(path, "lanes needs a key");
      const key = list(one.key).map((selector) => this.#look(this.#selectors, "selector", selector, [...path, "key"]));
      this.#addSlot(name, {
        title: one.title,
        key: key.filter((selector) => selector !== undefined),
        keys: this.#keys(one, path),
        lanes: one.lanes === undefined ? undefined : this.#look(this.#ports, "port", one.lanes, [...path, "lanes"]),
        reset: one.reset,
        rank: one.rank ?? 0,
        order: one.order ?? this.#data.order ?? 50,
        never: one.restore === "never" ? (one.why ?? "") : undefined,
        why: one.why,
        risk: one.risk ?? "safe",
        compare: one.compare ?? 0xffffffff,
        keepsBrokenOff: one.brokenOff === "keep",
        depth: one.depth ?? 1,
        guards: this.#guards(one.when, [...path, "when"]),
      });
    }
  }

  #keys({ key, keys, lanes }: SlotData, path: Path): number[] | undefined {
    if (keys === undefined) return undefined;
    const [selector, ...more] = list(key);
    if (selector === undefined || more.length > 0 || lanes !== undefined) {
      return this.#problem([...path, "keys"], "keys are of a slot with one selector as its key, and without lanes");
    }
    const ranges = this.#guard(selector, keys, [...path, "keys"])?.ranges ?? [];
    const count = ranges.reduce((sum, [lo, hi]) => sum + hi - lo + 1, 0);
    if (count > KEY_LIMIT) return this.#problem([...path, "keys"], `more than ${KEY_LIMIT} keys`);
    return ranges.flatMap(([lo, hi]) => Array.from({ length: hi - lo + 1 }, (_, i) => lo + i));
  }

  #addSlot(name: string, slot: Partial<Omit<Slot, "index" | "name" | "read" | "takes">> = {}): Mutable<Slot> {
    const added: Mutable<Slot> = {
      index: this.#slots.size,
      name,
      title: undefined,
      key: [],
      keys: undefined,
      lanes: undefined,
      reset: undefined,
      rank: 0,
      order: this.#data.order ?? 50,
      never: undefined,
      why: undefined,
      risk: "safe",
      compare: 0xffffffff,
      keepsBrokenOff: false,
      depth: 1,
      read: [],
      takes: [],
      guards: [],
      advance: undefined,
      lent: false,
      ...slot,
    };
    this.#slots.set(name, added);
    return added;
  }

  /** A slot by name; one of a register's name needs no entry. */
  #slot(name: string, path: Path): Slot | undefined {
    const slot = this.#slots.get(name);
    if (slot !== undefined) return slot;
    if (this.#data.registers[name] !== undefined) return this.#addSlot(name);
    return this.#look(this.#slots, "slot or register", name, path);
  }

  #resolveRegisters(): void {
    for (const [name, one] of entries(this.#data.registers)) {
      const path = ["registers", name];
      const port = this.#look(this.#ports, "port", one.at, [...path, "at"]);
      if (port === undefined) continue;
      const fields = fieldsOf(one.fields, Math.max(...port.widths), [...path, "fields"], this.#report);
      const guards = this.#guards(one.when, [...path, "when"]);
      this.#registers.set(name, {
        index: this.#registers.size,
        name,
        title: one.title,
        access: one.access,
        port,
        cubes: cubesOf(one.match, fields, [...path, "match"], this.#report),
        readGuards: [...guards, ...this.#guards(one.whenRead, [...path, "whenRead"])],
        writeGuards: [...guards, ...this.#guards(one.whenWrite, [...path, "whenWrite"])],
        fields,
        verdict: one.verdict,
        never: one.never,
        onWrite: [],
        onRead: [],
      });
      if (one.match !== undefined && one.access !== "WO") {
        this.#problem(
          [...path, "match"],
          "only a WO register can ask for data: the value of a read is not known before it",
        );
      }
    }
  }

  #resolveRules(name: string, register: Mutable<Register>): void {
    const one = this.#data.registers[name];
    if (one === undefined) return;
    const path = ["registers", name];
    const own: RuleData = { fill: one.fill, keep: one.keep, with: one.with };
    const onWrite = (one.onWrite ?? []).map((rule, i) => this.#rule(rule, register, [...path, "onWrite", i]));
    if (one.fill !== undefined) onWrite.unshift(this.#rule(own, register, path));
    register.onWrite = onWrite;
    register.onRead = (one.onRead ?? []).map((rule, i) => this.#rule(rule, register, [...path, "onRead", i]));
    this.#checkRegister(register, path, one);
  }

  /** Only of a group whose parts have no effect by themselves can a half be dropped. */
  #checkDrops(name: string, { onWrite, onRead }: Register): void {
    const registers = [...this.#registers.values()];
    for (const slot of [...onWrite, ...onRead].flatMap(({ drop }) => drop)) {
      const begins = ({ onWrite: rules }: Register) =>
        rules.some(({ part, fill }) => part === "begin" && fill.includes(slot));
      if (!registers.some(begins)) this.#problem(["registers", name], `drop: nothing begins a group of ${slot.name}`);
      else if (slot.keepsBrokenOff)
        this.#problem(["registers", name], `drop: parts of ${slot.name} have their effect as they are written`);
    }
  }

  #checkRegister(register: Register, path: Path, one: RegisterData): void {
    const fills = one.fill !== undefined || (one.onWrite ?? []).some(({ fill }) => fill !== undefined);
    const judged = register.onWrite.some((rule) => rule.verdict !== undefined);
    if (register.access === "RO") {
      if (one.onWrite !== undefined || one.fill !== undefined)
        this.#problem(path, "a RO register has no writes to fill or act");
    } else if (!fills && !judged && register.verdict === undefined) {
      this.#problem(path, "a write to it needs a meaning: fill a slot, or give verdict: command | transfer");
    }
    if (register.access === "WO" && one.onRead !== undefined) this.#problem(path, "a WO register has no reads");
    if (register.never !== undefined && fills)
      this.#problem(path, "never: a register whose writes are never repeated cannot fill a slot");
    for (const rule of register.onRead) {
      if (rule.fill.length > 0 || rule.cubes.length > 0) this.#problem(path, "onRead cannot fill a slot or match data");
    }
  }

  #rule(rule: RuleData, register: Register, path: Path): Rule {
    const selector = (name: string, key: string) => this.#look(this.#selectors, "selector", name, [...path, key, name]);
    const field = (name: string, key: string) => this.#fieldOf(register, name, [...path, key]);
    const width = Math.max(...register.port.widths);
    const whole = width === 32 ? 0xffffffff : 2 ** width - 1;
    const defined = <T>(items: (T | undefined)[]) => items.filter((item) => item !== undefined);
    return {
      cubes: cubesOf(rule.match, register.fields, [...path, "match"], this.#report),
      guards: this.#guards(rule.when, [...path, "when"]),
      set: defined(
        entries(rule.set).map(([name, value]) => {
          const found = selector(name, "set");
          const number = found && this.#valueOf(found, value, [...path, "set", name]);
          return found === undefined || number === undefined ? undefined : { selector: found.index, value: number };
        }),
      ),
      latch: defined(
        entries(rule.latch).map(([name, fieldName]) => {
          const found = selector(name, "latch");
          const from = field(fieldName, "latch");
          if (found === undefined || from === undefined) return undefined;
          if (2 ** (from.high - from.low + 1) > found.size) {
            this.#problem([...path, "latch", name], `${fieldName} has more values than ${name}`);
          }
          return { selector: found.index, field: from };
        }),
      ),
      add: defined(
        entries(rule.add).map(([name, amount]) => {
          const found = selector(name, "add");
          return found && { selector: found.index, amount };
        }),
      ),
      fill: defined(list(rule.fill).map((name) => this.#slot(name, [...path, "fill"]))),
      part: rule.part ?? "whole",
      keep: rule.keep ?? whole,
      with: rule.with ?? 0,
      clear: defined(
        entries(rule.clear).map(([name, value]) => {
          const slot = this.#slot(name, [...path, "clear", name]);
          return slot && { slot, value: value === "none" ? undefined : value };
        }),
      ),
      lose: defined(
        entries(rule.lose).map(([name, reason]) => {
          const slot = this.#slot(name, [...path, "lose", name]);
          return slot && { slot, reason };
        }),
      ),
      drop: defined(list(rule.drop).map((name) => this.#slot(name, [...path, "drop"]))),
      learn: rule.learn === undefined ? undefined : this.#slot(rule.learn, [...path, "learn"]),
      drain: rule.drain === undefined ? undefined : this.#look(this.#drains, "drain", rule.drain, [...path, "drain"]),
      verdict: rule.verdict,
    };
  }

  #register(name: string, path: Path): Register | undefined {
    return this.#look(this.#registers, "register", name, path);
  }

  #resolveDrains(): void {
    for (const [name, one] of entries(this.#data.drains)) {
      const path = ["drains", name];
      const status = this.#register(one.while, [...path, "while"]);
      const read = this.#register(one.read, [...path, "read"]);
      if (status === undefined || read === undefined) continue;
      const { mask, busy = 0, limit = 16 } = one;
      this.#drains.set(name, { name, while: status, mask, busy, read, limit });
    }
  }

  #resolveSlotReferences(): void {
    for (const [name, one] of entries(this.#data.slots)) {
      const slot = this.#slots.get(name);
      if (slot === undefined) continue;
      slot.read = this.#readers(list(one.read), slot, ["slots", name, "read"]);
      slot.takes = this.#taken(list(one.takes), slot, ["slots", name, "takes"]);
    }
  }

  #readers(names: readonly string[], slot: Slot, path: Path): Register[] {
    if (names.length > 0 && names.length !== slot.depth)
      this.#problem(path, `expected ${slot.depth} registers, that of the oldest write first`);
    const readers = names.map((name) => this.#reader(name, path));
    return readers.filter((reader) => reader !== undefined);
  }

  #reader(name: string, path: Path): Register | undefined {
    const register = this.#register(name, path);
    return register?.access === "WO" ? this.#problem(path, `${name} cannot be read`) : register;
  }

  #taken(names: readonly string[], slot: Slot, path: Path): Slot[] {
    if (names.length > 0 && slot.depth > 1) this.#problem(path, "a slot that takes parameters has no depth");
    const taken = names.map((name) => this.#slot(name, path));
    for (const one of taken) {
      if (one !== undefined && one.key.length > 0) this.#problem(path, `${one.name} has a key; parameters have none`);
      if (one?.name === slot.name) this.#problem(path, "a slot cannot be its own parameter");
    }
    return taken.filter((one) => one !== undefined);
  }

  #resolveAdvances(): void {
    for (const [name, { advance }] of entries(this.#data.slots)) {
      const slot = this.#slots.get(name);
      if (slot === undefined || advance === undefined) continue;
      const path = ["slots", name, "advance"];
      if (slot.reset === undefined || slot.key.length > 0)
        this.#problem(path, "only a slot without a key, which says what it is after reset, is brought on from there");
      if ([...this.#registers.values()].some(({ onWrite }) => onWrite.some(({ fill }) => fill.includes(slot))))
        this.#problem(path, `a write fills ${name}, which brings it back without this`);
      slot.advance = this.#advance(advance, path);
      for (const one of this.#slots.values()) one.lent ||= slot.advance.meanwhile.some((lent) => lent.slot === one);
    }
  }

  #advance({ write, put, portion, more = 0, meanwhile }: AdvanceData, path: Path): Advance {
    const { least, most, unit = 1 } = portion;
    if (least > most || [least, most, more].some((one) => one % unit !== 0))
      this.#problem(path, "expected least to be no more than most, and both and more to be multiples of unit");
    const writes = list(write).flatMap((name) => {
      const register = this.#writable(name, [...path, "write"]);
      const field = register && this.#fieldOf(register, put, [...path, "put"]);
      if (register === undefined || field === undefined) return [];
      if (most > fieldOf(field, 0xffffffff)) this.#problem([...path, "portion"], `${most} is too much for ${put}`);
      return [{ register, put: field }];
    });
    const others = entries(meanwhile).flatMap(([name, value]) => {
      const register = this.#writable(name, [...path, "meanwhile", name]);
      const slot = register?.onWrite
        .flatMap(({ fill }) => fill)
        .find(({ key, depth }) => key.length === 0 && depth === 1);
      if (register === undefined) return [];
      if (slot !== undefined) return [{ register, slot, value }];
      this.#problem(
        [...path, "meanwhile", name],
        `no slot says what ${name} gets back: none that it fills holds one value`,
      );
      return [];
    });
    return { writes, least, most, unit, more, meanwhile: others };
  }

  #absent(): Absent | undefined {
    const one = this.#data.absent;
    const read = one && this.#reader(one.read, ["absent", "read"]);
    return one && read && { read, values: one.values };
  }

  #resolveReaches(kind: Selector["kind"], section: Record<string, SelectorData> | undefined): void {
    for (const [name, one] of entries(section)) {
      const selector = this.#selectors.get(name);
      if (selector === undefined) continue;
      selector.reach = (one.reach ?? []).map((reach, i): Reach => {
        const path = [kind, name, "reach", i];
        const steps = reach.do.map((step, j) => this.#step(step, [...path, "do", j]));
        const to = reach.to === undefined ? undefined : this.#guard(name, reach.to, [...path, "to"]);
        const guards = this.#guards(reach.when, [...path, "when"]);
        return { to, guards, steps: steps.filter((step) => step !== undefined) };
      });
    }
  }

  #step(step: StepData, path: Path): Step | undefined {
    if ("read" in step) {
      const read = this.#reader(step.read, [...path, "read"]);
      return read && { read };
    }
    const write = this.#writable(step.write, [...path, "write"]);
    if (write === undefined) return undefined;
    const put = step.put === undefined ? undefined : this.#fieldOf(write, step.put, [...path, "put"]);
    if (step.put !== undefined && put === undefined) return undefined;
    return {
      write,
      value: step.value,
      put,
      drain: step.drain === undefined ? undefined : this.#look(this.#drains, "drain", step.drain, [...path, "drain"]),
    };
  }

  /** A register that a plan may write of its own accord. */
  #writable(name: string, path: Path): Register | undefined {
    const register = this.#register(name, path);
    if (register?.access === "RO") return this.#problem(path, `${name} cannot be written`);
    if (register?.never !== undefined) return this.#problem(path, `${name} is never written: ${register.never}`);
    return register;
  }

  #fieldOf({ name, fields }: Register, field: string, path: Path): Field | undefined {
    return fields.find((one) => one.name === field) ?? this.#problem(path, `no field "${field}" in ${name}`);
  }
}

function dumpFields(fields: NonNullable<DescriptionData["unreachable"]>[number]["fields"]): Unreachable["fields"] {
  return Object.fromEntries(
    entries(fields).map(([engine, all]) => [
      engine,
      all.map((one) =>
        typeof one === "string"
          ? { path: one, mask: undefined, from: undefined }
          : { path: one.path, mask: one.mask, from: one.from },
      ),
    ]),
  );
}
