import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { Workplace } from "./support/portrait.ts";

const place = new Workplace();
const fixture = (name: string): string => fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url));
afterAll(() => {
  place.remove();
});

const LOG = "import-qemu/log.txt";

describe("portrait import", () => {
  test.each([
    [LOG, "QEMU's trace log"],
    ["import-kvm-pio/perf-script.txt", "the kvm_pio tracepoint as text"],
    ["import-serialice/log.txt", "a SerialICE log"],
  ])("%s is recognised by itself", (name, title) => {
    const { status, stderr } = place.run("import", fixture(name), "-o", "a.pio");
    expect(status).toBe(0);
    expect(stderr).toContain(`accesses from ${title}`);
  });

  test("a log may be packed with gzip, and come through a pipe", () => {
    const packed = gzipSync(readFileSync(fixture(LOG)));
    expect(place.runWith({ input: packed }, "import", "-", "-o", "packed.pio").status).toBe(0);
    expect(place.run("import", fixture(LOG), "-o", "file.pio").status).toBe(0);
    const inspected = (name: string): string => place.run("inspect", name, "-o", "ndjson").stdout;
    expect(inspected("packed.pio")).toBe(inspected("file.pio"));
    const cut = place.runWith({ input: packed.subarray(0, 200) }, "import", "-", "--from", "qemu", "-o", "cut.pio");
    expect(cut).toMatchObject({ status: 2 });
    expect(cut.stderr).toContain("stdin: the gzip data is damaged");
  });

  test("lines that cannot be read are told, the first with their numbers, and leave a gap", () => {
    const lines = ["out8 0x20 0x11", ...new Array<string>(7).fill("out9"), "out8 0x21 0x30", ""];
    writeFileSync(place.path("bad.txt"), lines.join("\n"));
    const { status, stderr } = place.run("import", "bad.txt", "-o", "bad.pio");
    expect(status).toBe(0);
    expect(stderr.match(/^portrait: bad\.txt: line \d: .*: out9$/gm)?.length).toBe(5);
    expect(stderr).toContain("bad.txt: 7 lines could not be read in all");
    expect(stderr).toContain("bad.pio: 2 accesses from plain text; not in it: 7 lines that could not be read");
    expect(place.run("inspect", "bad.pio").stdout).toContain("gap: line 2 of the log could not be read");
  });

  test("--strict stops at the first, and what came before is a closed trace", () => {
    writeFileSync(place.path("strict.txt"), "out8 0x20 0x11\nout9\nout8 0x21 0x30\n");
    const { status, stderr } = place.run("import", "strict.txt", "-o", "strict.pio", "--strict");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^portrait: strict\.txt: line 2: [^\n]*: out9\n$/);
    expect(place.run("verify", "strict.pio", "-o", "json").stdout).toContain('"accesses":1');
  });

  test("reset values hold only where the log is said to begin at power-on", () => {
    const state = (...options: readonly string[]): string => {
      expect(place.run("import", fixture("import-serialice/log.txt"), "-o", "r.pio", ...options).status).toBe(0);
      return place.run("state", "r.pio").stdout;
    };
    expect(state()).toContain("the trace begins after the machine was started");
    expect(state("--from-reset")).not.toContain("the trace begins after the machine was started");
  });

  test("--clock leaves the times out", () => {
    expect(place.run("import", fixture("import-qemu/stamped.txt"), "-o", "c.pio", "--clock", "none").status).toBe(0);
    expect(place.run("inspect", "c.pio", "--head", "1", "-o", "ndjson").stdout).toContain('"time":0,');
  });

  test("what is no log is refused, and nothing is written", () => {
    writeFileSync(place.path("prose.txt"), "once upon a time\n");
    const { status, stderr } = place.run("import", "prose.txt", "-o", "prose.pio");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^portrait: prose\.txt: no line at the beginning is of a known format/);
    expect(existsSync(place.path("prose.pio"))).toBe(false);
  });
});
