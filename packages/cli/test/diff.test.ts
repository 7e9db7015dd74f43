import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Workplace } from "./support/portrait.ts";
import { picAndUart, TraceScript } from "./support/traces.ts";

const place = new Workplace();

beforeAll(async () => {
  await picAndUart().save(place.path("a.pio"));
});
afterAll(() => {
  place.remove();
});

/** Writes to ports and values that count up; `other` gives what stands in the place of some of them. */
async function counting(file: string, other: (i: number) => readonly number[] | undefined = () => undefined) {
  const script = new TraceScript();
  for (let i = 0; i < 20_000; i++)
    for (const value of other(i) ?? [i]) script.out(0x1000 + (value % 5000), value & 0xff);
  await script.save(place.path(file));
}

describe("portrait diff --by access", () => {
  test("finds a trace equal to itself", () => {
    expect(place.run("diff", "a.pio", "a.pio")).toMatchObject({ status: 0, stdout: "equal\n" });
    expect(place.json("diff", "a.pio", "a.pio")).toEqual({ equal: true, added: 0, removed: 0, hunks: [] });
  });

  test("leaves out how long was polled and what was read, unless --exact", async () => {
    const script = new TraceScript().out(0x3fb, 0x03).in(0x3fd, 0).in(0x3fd, 0).in(0x3fd, 0x60).out(0x3f8, 0x48);
    const other = new TraceScript().out(0x3fb, 0x03).in(0x3fd, 0x20).out(0x3f8, 0x48);
    await script.save(place.path("slow.pio"));
    await other.save(place.path("fast.pio"));
    expect(place.run("diff", "slow.pio", "fast.pio").status).toBe(0);
    expect(place.run("diff", "slow.pio", "fast.pio", "--exact").status).toBe(1);
  });

  test("gives the hunk with names, and the first difference in both", async () => {
    const script = new TraceScript().out(0x20, 0x11).out(0x21, 0x08).out(0x21, 0x04).out(0x80, 1).out(0x21, 0x01);
    const other = new TraceScript().out(0x20, 0x11).out(0x21, 0x30).out(0x21, 0x04).out(0x21, 0x01);
    await script.save(place.path("b.pio"));
    await other.save(place.path("c.pio"));
    const { status, stdout } = place.run("diff", "b.pio", "c.pio", "-o", "json");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      equal: false,
      first: { a: 1, b: 1 },
      added: 1,
      removed: 2,
      hunks: [
        {
          a: 1,
          b: 1,
          removed: [{ seq: 1, direction: "out", port: "0x21", value: "0x8", device: "pic1", register: "ICW2" }],
          added: [{ seq: 1, port: "0x21", value: "0x30", device: "pic1", register: "ICW2" }],
        },
        { a: 3, b: 3, removed: [{ seq: 3, port: "0x80" }], added: [] },
      ],
    });
    expect(place.run("diff", "b.pio", "c.pio").stdout).toMatch(
      /^@@ 1 1 @@\n- +1 +pic1\.ICW2 <= 0x8\n\+ +1 +pic1\.ICW2 <= 0x30$/m,
    );
  });

  test("takes a string access for the same accesses one by one", async () => {
    await new TraceScript().outs(0x3f8, Buffer.from("abc")).save(place.path("string.pio"));
    await new TraceScript().out(0x3f8, 0x61).out(0x3f8, 0x62).out(0x3f8, 0x63).save(place.path("single.pio"));
    expect(place.run("diff", "string.pio", "single.pio").status).toBe(0);
    await new TraceScript().out(0x3f8, 0x61).out(0x3f8, 0x62).out(0x3f8, 0x64).save(place.path("other.pio"));
    expect(place.run("diff", "string.pio", "other.pio").status).toBe(1);
  });

  test("finds scattered differences in traces of several windows", async () => {
    await counting("long.pio");
    await counting("changed.pio", (i) => {
      if (i === 100) return [70_000, i];
      if (i >= 9_000 && i < 9_300) return [];
      return i === 19_999 ? [70_000] : undefined;
    });
    const { hunks, ...totals } = place.json("diff", "long.pio", "changed.pio") as { hunks: { a: number }[] };
    expect(totals).toEqual({ equal: false, first: { a: 100, b: 100 }, added: 2, removed: 301 });
    expect(hunks.map(({ a }) => a)).toEqual([100, 9_000, 19_999]);
  });

  test("comes to an end with nothing in common", async () => {
    const one = new TraceScript();
    const other = new TraceScript();
    for (let i = 0; i < 10_000; i++) one.out(0x21, 1);
    for (let i = 0; i < 6_000; i++) other.out(0x21, 2);
    await one.save(place.path("ones.pio"));
    await other.save(place.path("twos.pio"));
    expect(place.json("diff", "ones.pio", "twos.pio")).toMatchObject({ added: 6_000, removed: 10_000 });
  });
});

describe("portrait diff --by state", () => {
  test("compares values and not how they came about", async () => {
    const script = new TraceScript().out(0x21, 0xff).out(0x3fb, 0x80).out(0x3f8, 0x0c).out(0x3fb, 0x03).out(0x21, 0xfb);
    const other = new TraceScript().out(0x3fb, 0x80).out(0x3f8, 0x0c).out(0x3fb, 0x03).out(0x21, 0xfb);
    await script.save(place.path("x.pio"));
    await other.save(place.path("y.pio"));
    expect(place.run("diff", "x.pio", "y.pio", "--by", "state").status).toBe(0);
  });

  test("names the registers that differ, and takes --at", async () => {
    await new TraceScript().out(0x21, 0xfb).out(0x21, 0xfa).save(place.path("x.pio"));
    await new TraceScript().out(0x21, 0xfb).out(0x21, 0xf8).save(place.path("y.pio"));
    const { status, stdout } = place.run("diff", "x.pio", "y.pio", "--by", "state", "-o", "json");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      equal: false,
      at: { a: 1, b: 1 },
      different: [{ device: "pic1", register: "IMR", a: { value: "0xfa" }, b: { value: "0xf8" } }],
    });
    expect(place.run("diff", "x.pio", "y.pio", "--by", "state", "--at", "0").status).toBe(0);
  });

  test("does not call a register equal that only one of them knows", async () => {
    await new TraceScript({ fromReset: false }).out(0x80, 1).save(place.path("x.pio"));
    await new TraceScript({ fromReset: false }).out(0x20, 0x11).save(place.path("y.pio"));
    expect(place.run("diff", "x.pio", "x.pio", "--by", "state").stdout).toMatch(/ 0 different; \d+ known to neither/);
    expect(place.run("diff", "x.pio", "y.pio", "--by", "state").status).toBe(1);
  });
});
