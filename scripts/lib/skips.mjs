/** What may skip under CI: the start of a skip's reason, and why CI cannot provide what is missing. */
const allowed = [
  ["no /dev/kvm", "the host lends its kernel's virtualisation or it does not; no package brings it"],
  [
    "no network namespaces with taps",
    "the host lends user namespaces and /dev/net/tun or it does not; no package brings them",
  ],
];

/** One complaint for each skipped test whose reason CI could have removed by installing something. */
export function unexpectedSkips(skipped) {
  return skipped
    .filter(({ reason = "" }) => !allowed.some(([start]) => reason.startsWith(start)))
    .map(({ name, reason }) => `"${name}" skipped under CI (${reason ?? "no reason given"})`);
}
