import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import type { Available } from "./available.ts";

const TAPS = "/dev/net/tun";
const [UNSHARE, ...OWN] = ["unshare", "--user", "--map-root-user", "--net"] as const;
const EVERYTHING = "ip link add type veth && ip link add type bridge && ip tuntap add mode tap";

/** The command by which this user becomes root of a network namespace of its own, in which it can make bridges, virtual cables and taps. */
export function networkNamespaces(): Available<readonly [command: string, ...args: string[]]> {
  const missing = (why: string) => ({ available: false, reason: `no network namespaces with taps: ${why}` }) as const;
  try {
    accessSync(TAPS, constants.R_OK | constants.W_OK);
  } catch {
    return missing(`this user cannot open ${TAPS}`);
  }
  const { status, stderr } = spawnSync(UNSHARE, [...OWN, "sh", "-c", EVERYTHING], { encoding: "utf8" });
  return status === 0 ? { available: true, value: [UNSHARE, ...OWN] } : missing(stderr.trim());
}
