import { Classifier, type Instance, type Library } from "@portrait/classifier";
import { batchOf, type PortAccess } from "./accesses.ts";
import { Draft } from "./draft.ts";
import type { Random } from "./random.ts";

/** Accesses of a sequence, mostly. */
const LENGTH = 24;
/** Of every eighth one. */
const LONG_LENGTH = 90;

/**
 * Makes sequences of accesses to some devices: registers as their descriptions tell of them, with the way there or without, values
 * by patterns and fields, groups whole and broken off; runs of recorded accesses; and accesses at random.
 */
export class SequenceMaker {
  readonly #library: Library;
  readonly #instances: readonly Instance[];
  readonly #recorded: readonly PortAccess[];
  readonly #first: readonly PortAccess[];

  /**
   * `first`: accesses made before every sequence. `recorded`: accesses that a guest made, in order. Those to other devices are
   * left out.
   */
  constructor(
    library: Library,
    instances: readonly Instance[],
    first: readonly PortAccess[],
    recorded: readonly PortAccess[],
  ) {
    this.#library = library;
    this.#instances = instances;
    this.#first = first;
    const mine = portsOf(library, instances, first);
    this.#recorded = recorded.filter(({ port }) => mine.has(port));
  }

  /** A sequence that the random numbers fix. */
  make(random: Random): readonly PortAccess[] {
    const draft = new Draft(this.#library, this.#instances, this.#recorded, random);
    draft.goAfter(this.#first);
    if (random.chance(40)) draft.addDeeds();
    const deeds = draft.accesses.length;
    if (deeds === 0 || random.chance(30)) {
      const length = deeds + 1 + random.below(random.chance(12) ? LONG_LENGTH : LENGTH);
      while (draft.accesses.length < length) draft.addSome();
    }
    draft.finish();
    return draft.accesses;
  }
}

/** Where the instances stand after accesses made from reset. */
function portsOf(library: Library, instances: readonly Instance[], first: readonly PortAccess[]): Set<number> {
  const classifier = new Classifier(library, { fromReset: true });
  classifier.feed(batchOf(first));
  const ports = classifier.states.flatMap(({ instance, whereabouts: { base } }, index) =>
    base === undefined || !instances.includes(instance) ? [] : library.claimsOf(index, base),
  );
  return new Set(ports.map(({ address }) => address));
}
