import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { need } from "../../test-support/available.ts";
import { program } from "../../test-support/program.ts";
import { protobufDecoder } from "../../test-support/protobuf.ts";
import { PYTHON } from "../../test-support/python.ts";
import { planFor } from "./ask-for-a-plan.ts";
import { record } from "./own-tap.ts";
import { planInC } from "./port-target.ts";
import { writesByPort } from "./read-batches.ts";

const folder = mkdtempSync(join(tmpdir(), "portrait-examples-"));
const trace = join(folder, "boot.pio");
const here = (name: string): URL => new URL(name, import.meta.url);

beforeAll(() =>
  record(trace, (tap) => {
    for (const [port, value] of [[0x20, 0x11], [0x21, 0x30], [0x21, 0x04], [0x21, 0x01]] as const) tap.out(port, 8, value); // prettier-ignore
    tap.in(0x21, 8, 0);
    tap.out(0x21, 8, 0xfb);
  }),
);
afterAll(() => rmSync(folder, { recursive: true }));

describe("the examples of docs/library.md", () => {
  test("a tap's trace is read in batches", async () => {
    expect([...(await writesByPort(trace))]).toEqual([
      [0x20, 1],
      [0x21, 4],
    ]);
  });

  test("a plan is asked for, and a port target of one's own carries it out", async () => {
    const plan = await planFor(trace);
    expect(plan.counts).toMatchObject({ accesses: 6, kept: 5 });
    expect(await planInC(plan)).toContain(
      "\toutb(0x11, 0x20);\n\toutb(0x30, 0x21);\n\toutb(0x4, 0x21);\n\toutb(0x1, 0x21);\n",
    );
  });

  test("stand in the page as they stand here", () => {
    const page = readFileSync(here("../library.md"), "utf8");
    const examples = readdirSync(here(".")).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
    expect(examples.length).toBe(4);
    for (const name of examples) expect(page).toContain(`\`\`\`ts\n${readFileSync(here(name), "utf8")}\`\`\``);
  });
});

interface ExpectedAccess {
  readonly seq: number;
  readonly time: number;
  readonly vcpu: number;
  readonly direction: string;
  readonly width: number;
  readonly port: number;
  readonly value: number;
  readonly count: number;
  readonly payload?: readonly number[];
}

test("Python reads a trace with lz4 -dc and trace.proto alone", (context) => {
  need(context, protobufDecoder());
  need(context, program("lz4"));
  const fixture = (name: string): string => fileURLToPath(here(`../../fixtures/format-v1/${name}`));
  const proto = fileURLToPath(here("../../packages/tracer/proto/portrait/trace/v1/trace.proto"));
  const script = fileURLToPath(here("read-trace.py"));
  const { status, stdout, stderr } = spawnSync(PYTHON, [script, fixture("trace.pio"), proto], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const { accesses } = JSON.parse(readFileSync(fixture("expected.json"), "utf8")) as { accesses: ExpectedAccess[] };
  const expected = accesses.map((one) =>
    [one.seq, one.time, one.vcpu, one.direction, one.width, one.port, one.value, one.count].concat(
      Buffer.from(one.payload ?? []).toString("hex"),
    ),
  );
  expect(stdout).toBe(expected.map((cells) => `${cells.join("\t")}\n`).join(""));
});
