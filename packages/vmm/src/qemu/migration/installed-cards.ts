import type { NetworkCard } from "../../machine.ts";
import type { QmpClient } from "../qmp.ts";

/** A device or a bus in QEMU's tree of them. */
interface Node {
  readonly kind: "dev" | "bus";
  readonly name: string;
  /** Columns that it is indented by. */
  readonly depth: number;
  readonly parent: Node | undefined;
  /** What is said of it that tells a card and where it is. */
  readonly says: Map<string, string>;
}

const NODE = /^( *)(dev|bus): ([^,\s]+)/;
/** `mac = "52:54:00:12:34:56"`, `addr = 03.0`, `iobase = 768 (0x300)`. */
const PROPERTY = /^ *(mac|netdev|addr|iobase) = "?(?:\d+ \((?=0x))?([^" )]*)/;

/** The network cards of a QEMU, as its command line has them. @throws QemuError */
export async function installedCards(qmp: QmpClient): Promise<readonly NetworkCard[]> {
  return cardsIn(await qmp.monitor("info qtree"));
}

/** The network cards in a tree as QEMU's monitor prints it. */
export function cardsIn(tree: string): readonly NetworkCard[] {
  return nodesIn(tree).flatMap((node) => {
    const [address, netdev] = [node.says.get("mac"), node.says.get("netdev")];
    if (address === undefined || netdev === undefined) return [];
    return [{ ...whereabouts(node), address, plugged: netdev !== "" }];
  });
}

function nodesIn(tree: string): Node[] {
  const nodes: Node[] = [];
  for (const line of tree.split(/\r?\n/)) {
    const [, indent = "", kind, name = ""] = NODE.exec(line) ?? [];
    const last = nodes.at(-1);
    if (kind === "dev" || kind === "bus") {
      const depth = indent.length;
      nodes.push({ kind, name, depth, parent: above(last, depth), says: new Map() });
    } else {
      const [, property, value = ""] = PROPERTY.exec(line) ?? [];
      if (property !== undefined) last?.says.set(property, value);
    }
  }
  return nodes;
}

/** What a node of that depth is in, after this one. */
function above(node: Node | undefined, depth: number): Node | undefined {
  return node === undefined || node.depth < depth ? node : above(node.parent, depth);
}

/** What a card is, and where: a virtio device is on a bus of its own, on a device that has a place. */
function whereabouts(card: Node): Pick<NetworkCard, "model" | "place"> {
  for (let node: Node | undefined = card; node !== undefined; node = node.parent) {
    const place = node.says.get("addr") ?? node.says.get("iobase");
    if (place !== undefined) return { model: node.name, place: `${node.parent?.name} ${place}` };
  }
  return { model: card.name, place: card.parent?.name ?? "" };
}
