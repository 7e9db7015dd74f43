// How many mistakes in descriptions the fuzzer finds: changes one rule of a description at a time, mechanically, and fuzzes it.
// node packages/vmm/bench/mutations.mjs [--each N] [--cases N] [--seed N] [--only TEXT]… [ID…]
// --each: mistakes of a description, chosen by the seed; --only: all whose name has one of the texts, instead.
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { builtinDescriptions, Classifier, DescriptionError, loadLibrary } from "@portrait/classifier";
import { makePlan } from "@portrait/replayer";
import { fuzz } from "../dist/index.js";
import { batchOf } from "../dist/fuzz/accesses.js";
import { sectionsOf } from "../dist/fuzz/qemu-machines.js";
import { Random } from "../dist/fuzz/random.js";

const YAML = createRequire(new URL("../../classifier/package.json", import.meta.url))("yaml");

const parse = (text) => YAML.parse(text, { merge: true });

const right = loadLibrary(builtinDescriptions(), { aliases: false });
/** The device types that the fuzzer has a machine for. */
const DEVICES = right.devices.map(({ id }) => id).filter((id) => sectionsOf(id).length > 0);
const { values, positionals } = parseArgs({
  options: {
    each: { type: "string", default: "6" },
    cases: { type: "string", default: "500" },
    seed: { type: "string", default: "1" },
    only: { type: "string", multiple: true },
  },
  allowPositionals: true,
});

/** Each kind of mistake: where it can be made in a rule, register or slot, and how. */
const ruleMistakes = {
  "drop the guard": (rule) => rule.when !== undefined && (() => delete rule.when),
  "drop the data pattern": (rule) => rule.match !== undefined && (() => delete rule.match),
  "forget what it sets": (rule) => rule.set !== undefined && (() => delete rule.set),
  "forget what it latches": (rule) => rule.latch !== undefined && (() => delete rule.latch),
  "forget what it clears": (rule) => rule.clear !== undefined && (() => delete rule.clear),
  "forget the mask": (rule) => rule.keep !== undefined && rule.fill !== undefined && (() => delete rule.keep),
  "forget the added bits": (rule) => rule.with !== undefined && (() => delete rule.with),
  "take it for a whole value": (rule) => rule.part !== undefined && (() => delete rule.part),
  "count another way": (rule) => rule.add !== undefined && (() => delete rule.add),
  "forget what it gives up": (rule) => rule.lose !== undefined && (() => delete rule.lose),
  "forget that it is state": (rule) =>
    rule.fill !== undefined && (() => (delete rule.fill, delete rule.part, (rule.verdict = "command"))),
};

/** What a plan can show of a rule: not a verdict alone, and not that it gives up more than it must. */
const EFFECTS = ["set", "latch", "add", "fill", "clear", "drop", "learn", "drain"];
const NEED_AN_EFFECT = ["drop the guard", "drop the data pattern"];

/** All mistakes that can be made in a description, as changes of its data; not in what no plan restores anyway. */
function mistakesOf(data) {
  const found = [];
  const add = (where, what, change) => change && found.push({ where, what, change });
  const isRestored = (rule) => [rule.fill ?? []].flat().some((slot) => data.slots?.[slot]?.restore !== "never");
  for (const [name, register] of Object.entries(data.registers ?? {})) {
    const rules = [
      ["", register],
      ...["onWrite", "onRead"].flatMap((on) => (register[on] ?? []).map((rule, i) => [`.${on}[${i}]`, rule])),
    ];
    for (const [place, rule] of rules) {
      for (const [what, mistake] of Object.entries(ruleMistakes)) {
        const inRegister =
          place === "" && !["forget the mask", "forget the added bits", "forget that it is state"].includes(what);
        const matters =
          (what !== "forget that it is state" || isRestored(rule)) &&
          (!NEED_AN_EFFECT.includes(what) || EFFECTS.some((effect) => rule[effect] !== undefined));
        if (!inRegister && matters) add(`${name}${place}`, what, mistake(rule));
      }
    }
    const [first, second] = register.onWrite ?? [];
    if (first?.fill !== undefined && second?.fill !== undefined && String(first.fill) !== String(second.fill)) {
      add(name, "swap the slots of two rules", () => ([first.fill, second.fill] = [second.fill, first.fill]));
    }
  }
  for (const [name, slot] of Object.entries(data.slots ?? {})) {
    if (slot === null || slot.restore === "never") continue;
    add(`slots.${name}`, "forget the key", slot.key !== undefined && (() => (delete slot.key, delete slot.lanes)));
    add(
      `slots.${name}`,
      "keep nothing of what broke off",
      slot.brokenOff !== undefined && (() => delete slot.brokenOff),
    );
    add(`slots.${name}`, "write it first", slot.rank > 0 && (() => (slot.rank = -1)));
    add(
      `slots.${name}`,
      "never restore it",
      slot.restore === undefined && (() => ((slot.restore = "never"), (slot.why ??= "a mistake"))),
    );
  }
  for (const kind of ["state", "preceding"]) {
    for (const [name, selector] of Object.entries(data[kind] ?? {})) {
      add(`${kind}.${name}`, "leave it as it is", selector.reach !== undefined && (() => delete selector.reach));
      if ((selector.values?.length ?? 0) > 1)
        add(`${kind}.${name}`, "start with another value", () => (selector.reset = selector.values.at(-1)));
    }
  }
  return found;
}

/** The library with one mistake; undefined where the description is refused with it. */
function libraryWith(id, number) {
  let made;
  const sources = builtinDescriptions().map((source) => {
    const data = parse(source.text);
    if (data.id !== id) return source;
    made = mistakesOf(data)[number];
    made.change();
    return { file: source.file, text: YAML.stringify(data) };
  });
  try {
    return { ...made, library: loadLibrary(sources, { aliases: false }) };
  } catch (error) {
    if (!(error instanceof DescriptionError)) throw error;
    return { ...made, library: undefined };
  }
}

/** What a plan for the accesses does, without its reasons. */
function stepsOf(library, accesses) {
  const classifier = new Classifier(library, { fromReset: true });
  classifier.feed(batchOf(accesses));
  return JSON.stringify(makePlan(classifier).steps.map(({ op, port, width, value }) => [op, port, width, value]));
}

/** Fuzzes until something is found. Where nothing is, tells after how many of the cases the mistake changes the plan: those the machine does not tell apart. */
async function tryMistake(library, id) {
  const device = library.devices.find((one) => one.id === id);
  const found = new AbortController();
  const tried = [];
  const report = await fuzz(library, {
    instances: device.instances,
    cases: Number(values.cases),
    seed: Number(values.seed),
    signal: found.signal,
    onCase: (_, failed, { accesses }) => {
      if (failed > 0) found.abort();
      else tried.push(accesses);
    },
  });
  const [failure] = report.failures;
  const finding = failure?.trial.findings[0];
  if (finding !== undefined) return { cases: report.cases, finding };
  const differs = (accesses) => stepsOf(library, accesses) !== stepsOf(right, accesses);
  return { cases: report.cases, otherPlans: tried.filter(differs).length };
}

function textOf({ finding, cases, otherPlans }) {
  if (finding === undefined) return `NOT FOUND in ${cases} cases, ${otherPlans} of them with another plan`;
  const what = finding.path ?? finding.register ?? finding.what ?? finding.event;
  return `found in case ${cases} by ${finding.kind} ${what}`;
}

/** Numbers of the mistakes to try: all of those that were asked for, or some by chance. */
function chosen(id) {
  const source = builtinDescriptions()
    .map(({ text }) => parse(text))
    .find((data) => data.id === id);
  const names = mistakesOf(source).map(({ where, what }) => `${id} ${where}: ${what}`);
  const numbers = names.map((_, number) => number);
  const { only } = values;
  if (only !== undefined) return numbers.filter((number) => only.some((text) => names[number].includes(text)));
  const random = new Random(
    Number(values.seed),
    [...id].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7),
  );
  return names.map(() => numbers.splice(random.below(numbers.length), 1)[0]);
}

const counts = { tried: 0, found: 0, refused: 0 };
const missed = [];
for (const id of positionals.length > 0 ? positionals : DEVICES) {
  let tried = 0;
  for (const number of chosen(id)) {
    if (values.only === undefined && tried === Number(values.each)) break;
    const { where, what, library } = libraryWith(id, number);
    if (library === undefined) {
      counts.refused++;
      continue;
    }
    tried++;
    const result = await tryMistake(library, id);
    if (result.finding !== undefined) counts.found++;
    else missed.push(`${id} ${where}: ${what}: ${result.otherPlans} other plans`);
    console.log(`${id} ${where}: ${what}: ${textOf(result)}`);
  }
  counts.tried += tried;
}
console.log(
  `\n${counts.found} of ${counts.tried} mistakes found; ${counts.refused} others are refused by the validator`,
);
for (const one of missed) console.log(`not found: ${one}`);
