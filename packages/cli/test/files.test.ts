import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Workplace } from "./support/portrait.ts";
import { TraceScript } from "./support/traces.ts";

const place = new Workplace();
const ACCESSES = 40_000;

beforeAll(async () => {
  const script = new TraceScript();
  for (let i = 0; i < ACCESSES; i++) script.out(0x21, (i * 7) & 0xff);
  await script.save(place.path("t.pio"));
  const bytes = readFileSync(place.path("t.pio"));
  writeFileSync(place.path("cut.pio"), bytes.subarray(0, bytes.length / 2));
  const broken = Uint8Array.from(bytes);
  broken.fill(0xff, bytes.length / 2, bytes.length / 2 + 8);
  writeFileSync(place.path("broken.pio"), broken);
});
afterAll(() => {
  place.remove();
});

describe("a damaged trace", () => {
  test.each(["cut.pio", "broken.pio"])("%s is read as far as it goes, and what is missing is said", (file) => {
    const { status, stdout, stderr } = place.run("stats", file, "-o", "json");
    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`^portrait: ${file}: byte \\d+, chunk \\d+: .+`));
    const { accesses } = JSON.parse(stdout) as { accesses: number };
    expect(accesses).toBeGreaterThan(0);
    expect(accesses).toBeLessThan(ACCESSES);
  });

  test("verify says what is wrong and where, and exits 1", () => {
    expect(place.run("verify", "t.pio")).toMatchObject({ status: 0 });
    const { status, stdout } = place.run("verify", "broken.pio", "-o", "json");
    expect(status).toBe(1);
    const report = JSON.parse(stdout) as { ok: boolean; problems: { offset: number; code: string }[] };
    expect(report.ok).toBe(false);
    expect(report.problems[0]).toMatchObject({ code: "TRACE_FRAME_DAMAGED", chunk: 1 });
    expect(place.run("verify", "broken.pio").stdout).toContain("portrait recover");
  });

  test("recover leaves a whole trace with a gap for what was lost", () => {
    expect(place.run("recover", "broken.pio", "-o", "saved.pio").status).toBe(0);
    expect(place.run("verify", "saved.pio").status).toBe(0);
    const { gaps } = place.json("stats", "saved.pio") as { gaps: { count: number; lost: number } };
    const { accesses } = place.json("stats", "saved.pio") as { accesses: number };
    expect(gaps.count).toBe(1);
    expect(accesses + gaps.lost).toBe(ACCESSES);
  });

  test("a trace that was not closed is read with a warning, and no error", async () => {
    writeFileSync(place.path("open.pio"), await new TraceScript().out(0x21, 1).unsealed());
    const { status, stdout, stderr } = place.run("inspect", "open.pio");
    expect(status).toBe(0);
    expect(stdout).toContain("pic1.OCW1");
    expect(stderr).toContain("was not closed");
  });
});

describe("what is no trace", () => {
  test.each<[string, Uint8Array | string]>([
    ["an empty file", ""],
    ["a text file", "hello\n".repeat(1000)],
    ["random bytes", randomBytes(10_000)],
    ["an LZ4 frame of something else", Buffer.from("04224d186440a70500008061626364650000000000", "hex")],
  ])("%s is refused by every command that reads a trace", (_, bytes) => {
    writeFileSync(place.path("x"), bytes);
    for (const args of [["inspect"], ["stats"], ["state"], ["plan"], ["classify", "--keep", "all", "-o", "y.pio"]]) {
      const { status, stderr } = place.run(...args, "x");
      expect({ args, status }).toEqual({ args, status: 2 });
      expect(stderr).toMatch(/^portrait: x: byte 0, chunk 0: /);
    }
    expect(place.run("verify", "x").status).toBe(1);
  });

  test.each([
    ["nothing.pio", "there is no such file"],
    [".", "it is a directory"],
  ])("%s: %s", (file, words) => {
    const { status, stderr } = place.run("inspect", file);
    expect({ status, stderr }).toEqual({ status: 2, stderr: `portrait: ${file}: ${words}\n` });
  });
});
