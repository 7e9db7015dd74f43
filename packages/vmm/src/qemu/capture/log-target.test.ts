import { describe, expect, test } from "vitest";
import { wayBack, type FoundTarget } from "./log-target.ts";

const file: FoundTarget = { kind: "file", path: "/var/log/vm.log" };
const stderr: FoundTarget = { kind: "stderr" };
const fine = { appends: true, holdsText: true, stderrOpens: true };

describe("the log goes back", () => {
  test("to its file, where QEMU goes on at its end or it is empty", () => {
    const back = { path: "/var/log/vm.log", setAside: undefined, remark: undefined };
    expect(wayBack(file, fine)).toEqual(back);
    expect(wayBack(file, { ...fine, appends: false, holdsText: false })).toEqual(back);
  });

  test("to its file with what stood in it set aside, where QEMU would empty it", () => {
    expect(wayBack(file, { ...fine, appends: false })).toEqual({
      path: "/var/log/vm.log",
      setAside: "/var/log/vm.log.before-portrait",
      remark: expect.stringMatching(/anew.*before-portrait/),
    });
  });

  test("to stderr", () => {
    expect(wayBack(stderr, fine)).toEqual({ path: "/dev/stderr", setAside: undefined, remark: undefined });
    expect(wayBack({ kind: "left over", path: "/tmp/portrait-qemu-x/log" }, fine)).toMatchObject({
      path: "/dev/stderr",
      remark: expect.stringMatching(/was killed/),
    });
  });

  test.each([
    ["stderr is a pipe that nobody reads, where QEMU would wait for ever", stderr, { ...fine, stderrOpens: false }],
    ["stderr is a file that QEMU would empty", stderr, { ...fine, appends: false }],
    ["it is not known where it went", { kind: "unseen" } satisfies FoundTarget, fine],
  ])("nowhere, and says so, where %s", (_, found, facts) => {
    const remark = expect.stringMatching(/QEMU's log goes nowhere from now on: /) as string;
    expect(wayBack(found, facts)).toEqual({ path: "/dev/null", setAside: undefined, remark });
  });
});
