import { appendFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ended, Workplace } from "./support/portrait.ts";
import { picAndUart, TraceScript } from "./support/traces.ts";

const place = new Workplace();
const lines = (text: string) => text.trimEnd().split("\n");
const ndjson = (text: string) => lines(text).map((line) => JSON.parse(line) as Record<string, unknown>);
const seqs = (text: string) => ndjson(text).map(({ seq }) => seq);

beforeAll(async () => {
  await picAndUart().save(place.path("t.pio"));
});
afterAll(() => {
  place.remove();
});

describe("portrait inspect", () => {
  test("prints register, fields, verdict and the criteria that decided", () => {
    const { status, stdout } = place.run("inspect", "t.pio", "--seq", "0..1");
    expect(status).toBe(0);
    expect(lines(stdout).map((line) => line.trim().replace(/ {2,}/g, "|"))).toEqual([
      "0|0.000001|0020|pic1.ICW1 <= 0x11|{IC4=1 SNGL=0 ADI=0 LTIM=0 A7_5=0}|state|port direction data",
      "1|0.000002|0021|pic1.ICW2 <= 0x30|{T=6}|state|port direction preceding",
    ]);
  });

  test("gives the JSON object of an access", () => {
    const { stdout } = place.run("inspect", "t.pio", "--seq", "0", "-o", "ndjson");
    expect(ndjson(stdout)[0]).toMatchObject({
      seq: 0,
      time: 1000,
      vcpu: 0,
      direction: "out",
      port: "0x20",
      width: 8,
      value: "0x11",
      device: "pic1",
      register: "ICW1",
      access: "WO",
      fields: { IC4: 1, SNGL: 0 },
      verdict: "state",
      criteria: ["port", "direction", "data"],
    });
  });

  test("gives the same objects as one JSON array", () => {
    const array = JSON.parse(place.run("inspect", "t.pio", "-o", "json").stdout) as unknown;
    expect(array).toEqual(ndjson(place.run("inspect", "t.pio", "-o", "ndjson").stdout));
  });

  test("gives an empty JSON array where nothing passes", () => {
    expect(place.json("inspect", "t.pio", "-f", "port == 0x1")).toEqual([]);
  });

  test("puts markers and gaps on lines of their own", async () => {
    await new TraceScript().out(0x21, 1).gap("ring was full", 7).out(0x21, 2).save(place.path("gap.pio"));
    expect(place.run("inspect", "t.pio").stdout).toMatch(/^ +17 .*-- marker: printed H$/m);
    expect(place.run("inspect", "gap.pio").stdout).toMatch(/^ +1 .*-- gap: ring was full \(7 accesses lost\)$/m);
    expect(ndjson(place.run("inspect", "gap.pio", "-o", "ndjson").stdout)[1]).toMatchObject({
      seq: 1,
      gap: { reason: "ring was full", lost: 7 },
    });
  });

  test("does not let a marker's text move the cursor", async () => {
    await new TraceScript().marker("a\u001b[2Jb\nc").out(0x21, 1).save(place.path("marker.pio"));
    expect(place.run("inspect", "marker.pio").stdout).toContain("-- marker: a·[2Jb·c\n");
  });

  test("shows all candidates of an access that may have reached several registers", async () => {
    await new TraceScript({ fromReset: false }).out(0x21, 0x30).save(place.path("late.pio"));
    expect(place.run("inspect", "late.pio").stdout).toContain("pic1.(ICW2|ICW3|ICW4|OCW1) <= 0x30");
    const [access] = ndjson(place.run("inspect", "late.pio", "-o", "ndjson").stdout);
    expect(access).toMatchObject({ device: "pic1", candidates: ["ICW2", "ICW3", "ICW4", "OCW1"] });
    expect(access).not.toHaveProperty("register");
  });

  test("shows a string access with its count and data", async () => {
    const script = new TraceScript().outs(0x3f8, Buffer.from("abc")).outs(0x3f8, undefined, 9);
    await script.save(place.path("string.pio"));
    const [observed, unobserved] = lines(place.run("inspect", "string.pio").stdout);
    expect(observed).toContain("×3 8-bit elements: 61 62 63");
    expect(unobserved).toContain("×9 8-bit elements: not observed");
    const [first, second] = ndjson(place.run("inspect", "string.pio", "-o", "ndjson").stdout);
    expect(first).toMatchObject({ count: 3, payload: "616263" });
    expect(second).toMatchObject({ count: 9 });
    expect(second).not.toHaveProperty("payload");
  });

  test("writes CSV that quotes what needs it", async () => {
    await new TraceScript().out(0x20, 0x11).gap('full, "very"').out(0x9999, 1).save(place.path("csv.pio"));
    expect(lines(place.run("inspect", "csv.pio", "-o", "csv").stdout)).toEqual([
      "seq,time,vcpu,direction,port,width,value,count,device,register,access,fields,verdict,criteria,note",
      "0,1000,0,out,0x20,8,0x11,1,pic1,ICW1,WO,IC4=1 SNGL=0 ADI=0 LTIM=0 A7_5=0,state,port direction data,",
      '1,1000,,,,,,,,,,,,,"gap: full, ""very"""',
      "1,2000,0,out,0x9999,8,0x1,1,,,,,unknown,,",
    ]);
  });

  test.each([
    ["--seq 3..5", [3, 4, 5]],
    ["--seq 18..", [18, 19]],
    ["--seq ..1", [0, 1]],
    ["--begin 19us", [18, 19]],
    ["--end 3us", [0, 1]],
    ["--begin 2us --end 4us", [1, 2]],
    ["--head 2", [0, 1]],
    ["--tail 2", [18, 19]],
    ["--head 1 --filter dev==com1", [5]],
    ["--tail 1 --filter dev==com1", [16]],
  ])("%s shows those accesses", (options, expected) => {
    const { stdout } = place.run("inspect", "t.pio", "-f", "seq >= 0", ...options.split(" "), "-o", "ndjson");
    expect(seqs(stdout)).toEqual(expected);
  });

  test("reads stdin", () => {
    const { stdout } = place.shell("cat t.pio | portrait inspect - --head 1");
    expect(stdout).toContain("pic1.ICW1");
  });

  test("says nothing when the reader of its output goes", async () => {
    const long = new TraceScript();
    for (let i = 0; i < 50_000; i++) long.out(0x21, i & 0xff);
    await long.save(place.path("long.pio"));
    const { status, stdout, stderr } = place.shell("portrait inspect long.pio | head -1");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("pic1.OCW1");
  });

  test("uses descriptions of the user's own", () => {
    const description = `
id: probe
title: Probe
source: this test
ports: { DATA: 0 }
instances: { probe1: { base: 0x9999 } }
registers: { DATA: { at: DATA, access: RW, verdict: transfer } }
`;
    writeFileSync(place.path("probe.yaml"), description);
    const { stdout } = place.run("inspect", "t.pio", "--devices", ".", "-f", "dev == probe1");
    expect(stdout).toMatch(/probe1\.DATA <= 0x1 +transfer/);
  });

  test("uses the descriptions a trace embeds", async () => {
    const text =
      "id: probe\ntitle: Probe\nsource: this test\nports: { DATA: 0 }\ninstances: { probe2: { base: 0x9999 } }\n" +
      "registers: { DATA: { at: DATA, access: RW, verdict: transfer } }\n";
    const script = new TraceScript({ descriptions: [{ id: "probe", sha256: "", text }] });
    await script.out(0x9999, 1).save(place.path("embedded.pio"));
    expect(place.run("inspect", "embedded.pio").stdout).toContain("probe2.DATA <= 0x1");
  });
});

describe("portrait inspect --follow", () => {
  test("prints what is appended and ends when the trace is closed", async () => {
    const script = new TraceScript().out(0x20, 0x11).marker("one");
    const begun = await script.unsealed();
    writeFileSync(place.path("grow.pio"), begun);
    const child = place.start("inspect", "grow.pio", "--follow", "-o", "ndjson");
    const end = ended(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    const whole = await script.out(0x21, 0x30).bytes();
    appendFileSync(place.path("grow.pio"), whole.subarray(begun.length));
    const { status, stdout } = await end;
    expect(status).toBe(0);
    expect(ndjson(stdout).map((one) => one["register"] ?? one["marker"])).toEqual(["ICW1", "one", "ICW2"]);
  });

  test("ends with 130 on Ctrl-C", async () => {
    writeFileSync(place.path("open.pio"), await new TraceScript().out(0x20, 0x11).unsealed());
    const child = place.start("inspect", "open.pio", "--follow");
    const end = ended(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    child.kill("SIGINT");
    expect((await end).status).toBe(130);
  });
});
