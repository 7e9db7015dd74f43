import { laneOf, placeOf, type Binding, type Window, type WindowBits } from "../description/model.ts";
import { UNKNOWN, type DeviceAccess, type InstanceState, type Whereabouts } from "../knowledge/instance-state.ts";
import type { Library, PortClaim } from "../library.ts";
import { lanesOf, Page } from "./page.ts";
import type { PortMap } from "./port-map.ts";

/** Pages that are followed at once; a guest that touches more makes the oldest that no instance is bound to forgotten. */
const PAGE_LIMIT = 256;

/** Instances that are bound alike: each takes a page of its own. */
interface Pool {
  readonly binding: Binding;
  /** Positions in the library. */
  readonly instances: readonly number[];
  readonly pages: Map<number, Page>;
}

/** What is followed of one window. */
interface Followed {
  readonly pools: readonly Pool[];
  /** Bytes of a page that tell which device is behind it: only what they show when read counts. */
  readonly identity: ReadonlySet<number>;
  /** Bytes of a page that say where its ports are. */
  readonly places: ReadonlySet<number>;
  readonly pages: Map<number, Page>;
  /** Why nothing is known of pages that are followed from now on; undefined where what was not written is as after reset. */
  unknown: string | undefined;
}

/** What was seen of one window, as data. */
export interface WindowSeen {
  readonly window: string;
  /** Why nothing is known of pages that were not seen; undefined where they are as after reset. */
  readonly unknown: string | undefined;
  readonly pages: readonly {
    readonly address: number;
    /** Names of the instances bound to it. */
    readonly bound: readonly string[];
    /** Bytes that count, and what they are where that was seen. */
    readonly bytes: readonly (readonly [at: number, byte: number | undefined])[];
  }[];
}

/** A bound instance, and where in which window it was recognised. */
export interface Recognition {
  readonly instance: number;
  /** Position of the window's device in the library. */
  readonly owner: number;
  readonly window: Window;
  /** Address of the page's first byte in the window. */
  readonly address: number;
  readonly binding: Binding;
}

/** Follows the windows in which the guest puts devices' ports, and keeps the port map as they say. */
export class Bindings {
  readonly #states: readonly InstanceState[];
  readonly #ports: PortMap;
  readonly #library: Library;
  readonly #followed = new Map<Window, Followed>();

  constructor(library: Library, states: readonly InstanceState[], ports: PortMap, unknown: string | undefined) {
    this.#library = library;
    this.#states = states;
    this.#ports = ports;
    for (const { windows } of library.devices) {
      for (const window of windows) this.#followed.set(window, followedOf(window, library, unknown));
    }
  }

  /** Takes an access to a port that is part of a window, before its own effects. */
  observe({ instance, window, port }: PortClaim, access: DeviceAccess): void {
    const state = this.#states[instance];
    const followed = window && this.#followed.get(window);
    if (window === undefined || followed === undefined || state === undefined) return;
    const holds = state.holds(window.guards);
    if (holds === false) return;
    const key = state.keyOf(window);
    if (key === UNKNOWN || holds === undefined) {
      if (access.out) this.#loseWindow(followed, `access ${access.seq} may have moved any device`);
      return;
    }
    const address = key * 4 + (laneOf(window, port) ?? 0);
    const at = address % window.pageBytes;
    const counts = (byte: number) => followed.places.has(byte) || (!access.out && followed.identity.has(byte));
    const bytes = [...Array(access.width / 8).keys()].filter((i) => counts(at + i));
    if (bytes.length === 0) return;
    const page = this.#page(followed, address - at, window);
    for (const i of bytes) {
      if (access.value !== undefined) page.put(at + i, (access.value >>> (8 * i)) & 0xff);
      else if (access.out) page.put(at + i, undefined);
    }
    this.#follow(followed, page);
  }

  /** Accesses were made that were not observed: devices are still what they are, but may be anywhere. */
  lose(reason: string): void {
    for (const followed of this.#followed.values()) this.#loseWindow(followed, reason);
  }

  /** Every instance that stands somewhere by what a window says, in the library's order. */
  recognitions(): Recognition[] {
    const found: Recognition[] = [];
    this.#library.instances.forEach(({ device }, owner) => {
      for (const window of device.windows) {
        for (const { binding, pages } of this.#followed.get(window)?.pools ?? []) {
          for (const [instance, { address }] of pages) found.push({ instance, owner, window, address, binding });
        }
      }
    });
    return found.sort((a, b) => a.instance - b.instance);
  }

  /** What was seen of every window. */
  seen(): WindowSeen[] {
    return [...this.#followed].map(([window, { pools, pages, identity, places, unknown }]) => {
      const bound = pools.flatMap((pool) => [...pool.pages]);
      const counts = [...new Set([...identity, ...places])];
      const namesOf = (page: Page) =>
        bound.filter(([, one]) => one === page).map(([instance]) => this.#nameOf(instance));
      return {
        window: window.name,
        unknown,
        pages: Array.from(pages.values(), (page) => ({
          address: page.address,
          bound: namesOf(page),
          bytes: counts.map((at) => [at, page.byte(at)] as const),
        })),
      };
    });
  }

  /** Takes what was seen of the windows; nothing is known of one that is not among it. */
  adopt(seen: readonly WindowSeen[], reason: string): void {
    this.lose(reason);
    for (const [window, followed] of this.#followed) {
      const one = seen.find(({ window: name }) => name === window.name);
      if (one === undefined) continue;
      for (const pool of followed.pools) for (const instance of [...pool.pages.keys()]) this.#release(pool, instance);
      followed.pages.clear();
      followed.unknown = one.unknown;
      for (const { address, bound, bytes } of one.pages) {
        if (address % window.pageBytes !== 0) continue;
        const page = this.#page(followed, address, window);
        for (const [at, byte] of bytes) if (at < window.pageBytes) page.put(at, byte);
        for (const { instances, pages } of followed.pools) {
          const instance = instances.find((index) => bound.includes(this.#nameOf(index)));
          if (instance !== undefined) pages.set(instance, page);
        }
        this.#follow(followed, page);
      }
    }
  }

  #nameOf(instance: number): string {
    return this.#library.instances[instance]?.name ?? "";
  }

  #page(followed: Followed, address: number, window: Window): Page {
    const known = followed.pages.get(address);
    if (known !== undefined) return known;
    if (followed.pages.size >= PAGE_LIMIT) {
      const bound = new Set(followed.pools.flatMap(({ pages }) => [...pages.values()]));
      const oldest = [...followed.pages.values()].find((page) => !bound.has(page));
      if (oldest !== undefined) followed.pages.delete(oldest.address);
    }
    const page = new Page(address, window.pageBytes, followed.unknown === undefined);
    for (const { binding } of followed.pools) for (const bits of binding.shows) page.forget(bits);
    followed.pages.set(address, page);
    return page;
  }

  /** Binds, moves and releases instances as the page now says. A page no instance can be bound to is not kept. */
  #follow(followed: Followed, page: Page): void {
    let possible = false;
    for (const pool of followed.pools) {
      const shows = page.shows(pool.binding);
      if (shows !== false) possible = true;
      const bound = [...pool.pages].find(([, one]) => one === page)?.[0];
      if (shows === false && bound !== undefined) this.#release(pool, bound);
      if (shows !== true) continue;
      const instance = bound ?? pool.instances.find((one) => !pool.pages.has(one));
      if (instance === undefined) continue;
      pool.pages.set(instance, page);
      this.#put(instance, whereabouts(page, pool.binding, followed.unknown));
    }
    if (!possible) followed.pages.delete(page.address);
  }

  #release(pool: Pool, instance: number): void {
    const why = "the guest has seen that the device is gone";
    pool.pages.delete(instance);
    this.#put(instance, { base: undefined, why });
    this.#states[instance]?.lose(why);
  }

  #put(instance: number, to: Whereabouts): void {
    const state = this.#states[instance];
    if (state === undefined) return;
    const from = state.whereabouts.base;
    state.whereabouts = to;
    if (from === to.base) return;
    if (from !== undefined) this.#ports.remove(instance, from);
    if (to.base !== undefined) this.#ports.place(instance, to.base);
    if (state.instance.place.kind === "bound")
      this.#standFor(state.instance.place.binding, state, to.base !== undefined);
  }

  /** While an instance stands in another's place, that one has no ports; what it was taken for until then it has never been. */
  #standFor({ insteadOf }: Binding, state: InstanceState, stands: boolean): void {
    const other = this.#library.instances.findIndex(({ name }) => name === insteadOf);
    const taken = this.#states[other];
    if (taken === undefined) return;
    if (!stands) {
      this.#ports.show(other);
      return;
    }
    this.#ports.hide(other);
    if (!taken.touched) return;
    state.lose(`the guest used it as ${taken.instance.name} before it was seen to be ${state.instance.name}`);
    taken.lose(`it was seen to be ${state.instance.name}`);
    state.touched = true;
    taken.touched = false;
  }

  #loseWindow(followed: Followed, reason: string): void {
    const { pools, pages } = followed;
    followed.unknown = reason;
    for (const page of pages.values()) {
      for (const { binding } of pools) for (const bits of placeOf(binding)) page.forget(bits);
    }
    for (const { instances, pages: bound, binding } of pools) {
      for (const instance of instances) {
        const page = bound.get(instance);
        this.#put(instance, page === undefined ? { base: undefined, why: reason } : whereabouts(page, binding, reason));
      }
    }
  }
}

function followedOf(window: Window, { instances }: Library, unknown: string | undefined): Followed {
  const pools = new Map<string, { binding: Binding; instances: number[]; pages: Map<number, Page> }>();
  instances.forEach(({ device, place }, index) => {
    if (place.kind === "fixed" || place.binding.to !== window.name) return;
    const alike = `${device.id} ${JSON.stringify(place.binding)}`;
    const pool = pools.get(alike);
    if (pool === undefined) pools.set(alike, { binding: place.binding, instances: [index], pages: new Map() });
    else pool.instances.push(index);
  });
  const bindings = [...pools.values()].map(({ binding }) => binding);
  return {
    pools: [...pools.values()],
    identity: new Set(bindings.flatMap(({ shows }) => shows.flatMap(bytesOf))),
    places: new Set(bindings.flatMap((binding) => placeOf(binding).flatMap(bytesOf))),
    pages: new Map(),
    unknown,
  };
}

function bytesOf({ at, mask }: WindowBits): number[] {
  return lanesOf(mask).map((lane) => at + lane);
}

/** Where a page puts the device behind it. Base 0 and one beyond the ports, as a size probe leaves it, are nowhere. */
function whereabouts(page: Page, binding: Binding, unknown: string | undefined): Whereabouts {
  const nowhere = (why: string): Whereabouts => ({ base: undefined, why });
  const base = typeof binding.base === "number" ? binding.base : page.bits(binding.base);
  const enabled = binding.enabled === undefined ? 1 : page.bits(binding.enabled);
  if (enabled === 0) return nowhere("the guest has switched its ports off");
  if (base === undefined || enabled === undefined) return nowhere(unknown ?? "where the guest put it was not observed");
  if (base === 0 || base + binding.offset > 0xffff) return nowhere("the guest has not given it any");
  return { base: base + binding.offset };
}
