import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Workplace } from "./support/portrait.ts";
import { picAndUart } from "./support/traces.ts";

const place = new Workplace();
const ESCAPE = "\u001b[";

beforeAll(async () => {
  await picAndUart().save(place.path("t.pio"));
});
afterAll(() => {
  place.remove();
});

/** Names of the commands in a help text, but for commander's own. */
function commandsIn(help: string): string[] {
  const list = help.slice(help.indexOf("\nCommands:"), help.indexOf("\nExamples:"));
  return [...list.matchAll(/^ {2}([a-z]+)/gm)].flatMap(([, name]) =>
    name === undefined || name === "help" ? [] : [name],
  );
}

describe("help", { timeout: 120_000 }, () => {
  test("every command has at least two worked examples", () => {
    const commands = commandsIn(place.run("--help").stdout);
    expect(commands).toContain("inspect");
    const ofDevices = ["list", "show", "check", "fuzz", "schema"].map((command) => `devices ${command}`);
    for (const command of [...commands, ...ofDevices]) {
      const { status, stdout } = place.run(...command.split(" "), "--help");
      expect({ command, status }).toEqual({ command, status: 0 });
      const shown = stdout.slice(stdout.indexOf("Examples:")).match(/^ {2}\S.*\n {6}\S/gm);
      expect({ command, enough: (shown?.length ?? 0) >= 2 }).toEqual({ command, enough: true });
    }
  });

  test("--version is the package's", () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    expect(place.run("--version")).toMatchObject({ status: 0, stdout: `${version}\n` });
  });
});

describe("bad usage exits 2 and says what was probably meant", () => {
  test.each([
    [["inspekt", "t.pio"], "Did you mean inspect?"],
    [["inspect", "t.pio", "--hed", "3"], "Did you mean --head?"],
    [["inspect", "t.pio", "--head", "x"], "Expected a whole number"],
    [["inspect"], "missing required argument 'file'"],
    [["inspect", "t.pio", "u.pio"], "too many arguments"],
    [["inspect", "t.pio", "-o", "xml"], "Allowed choices are text, json, ndjson, csv"],
    [["classify", "t.pio", "-o", "x.pio"], "required option '--keep <what>' not specified"],
    [["inspect", "t.pio", "-f", "prot == 1"], "  prot == 1\n  ^"],
    [["devices", "show", "pic3"], 'did you mean "pic1"?'],
    [["inspect", "t.pio", "--devices", "nowhere"], "nowhere: there is no such file"],
    [[], "Usage: portrait"],
  ])("portrait %j", (args, words) => {
    const { status, stdout, stderr } = place.run(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(words);
  });
});

describe("colours", () => {
  test("a pipe gets none, --color always gives them, NO_COLOR takes them from nobody who asks", () => {
    expect(place.run("inspect", "t.pio").stdout).not.toContain(ESCAPE);
    expect(place.run("inspect", "t.pio", "--color", "always").stdout).toContain(ESCAPE);
    expect(place.runWith({ env: { FORCE_COLOR: "1" } }, "inspect", "t.pio").stdout).toContain(ESCAPE);
    expect(place.runWith({ env: { FORCE_COLOR: "1", NO_COLOR: "1" } }, "inspect", "t.pio").stdout).not.toContain(
      ESCAPE,
    );
  });

  test("JSON never has them", () => {
    expect(place.run("state", "t.pio", "-o", "json", "--color", "always").stdout).not.toContain(ESCAPE);
  });
});

describe("portrait devices", () => {
  test("lists every type with its instances", () => {
    const listed = place.json("devices", "list") as { id: string }[];
    expect(listed.find(({ id }) => id === "i8259")).toMatchObject({
      instances: [
        { name: "pic1", base: "0x20" },
        { name: "pic2", base: "0xa0" },
      ],
    });
  });

  test("shows a type by its own name or an instance's", () => {
    expect(place.json("devices", "show", "pic2")).toEqual(place.json("devices", "show", "i8259"));
    expect(place.run("devices", "show", "com1").stdout).toMatch(/never replayed: it transmits/);
    expect(place.run("devices", "show", "rtl8139").stdout).toMatch(
      /CBR .*; brought on by TSD0, .*; while on = 3, lbk = 3/,
    );
  });

  test("checks files and gives every mistake its line", () => {
    const good =
      "id: probe\ntitle: Probe\nsource: a test\nports: { DATA: 0 }\ninstances: { probe1: { base: 0x9999 } }\n";
    writeFileSync(place.path("good.yaml"), `${good}registers: { DATA: { at: DATA, access: RW, verdict: transfer } }\n`);
    writeFileSync(place.path("bad.yaml"), `${good}registers:\n  DATA: { at: DATA, access: RX, verdict: transfer }\n`);
    expect(place.run("devices", "check", "good.yaml")).toMatchObject({
      status: 0,
      stdout: "good.yaml: good; probe1 at 0x9999, port 0x9999\n",
    });
    const { status, stdout } = place.run("devices", "check", "good.yaml", "bad.yaml");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^bad\.yaml:7:\d+ registers\.DATA\.access: expected one of "RO" \| "WO" \| "RW"$/m);
    expect(place.run("devices", "check", "good.yaml", "bad.yaml", "-o", "json").stdout).toContain('"line":7');
  });

  test("checks them beside the other devices: names that are taken, ports that are shared", () => {
    const own = (instance: string, base: string) =>
      `id: probe\ntitle: Probe\nsource: a test\nports: { DATA: 0 }\ninstances: { ${instance}: { base: ${base} } }\n` +
      "registers: { DATA: { at: DATA, access: RW, verdict: transfer } }\n";
    writeFileSync(place.path("taken.yaml"), own("pic1", "0x9999"));
    writeFileSync(place.path("shared.yaml"), own("probe1", "0x70"));
    const taken = place.run("devices", "check", "taken.yaml");
    expect(taken.status).toBe(1);
    expect(taken.stdout).toMatch(
      /^taken\.yaml instances\.pic1: an instance of this name stands in i8259\.yaml already/,
    );
    const shared = place.run("devices", "check", "shared.yaml");
    expect(shared.status).toBe(0);
    expect(shared.stdout).toMatch(/^shared\.yaml: probe1 shares 0x70 with rtc: an access there may be to either$/m);
    expect(place.json("devices", "check", "shared.yaml")).toMatchObject({
      files: [{ shared: [{ instance: "probe1", with: "rtc", ports: ["0x70"] }] }],
    });
  });

  test("prints the JSON Schema that editors find in the repository", () => {
    const committed = readFileSync(new URL("../../classifier/device.schema.json", import.meta.url), "utf8");
    expect(place.run("devices", "schema")).toEqual({ status: 0, stdout: committed, stderr: "" });
  });

  test("a mistake in a description stops the command that needs it", () => {
    mkdirSync(place.path("mine"));
    writeFileSync(place.path("mine/bad.yaml"), "id: probe\n");
    const { status, stderr } = place.run("inspect", "t.pio", "--devices", "mine");
    expect(status).toBe(2);
    expect(stderr).toContain("mine/bad.yaml:1:1 title: ");
  });
});

describe("portrait completion", () => {
  test.each(["bash", "zsh", "fish"])("prints a script for %s", (shell) => {
    const { status, stdout } = place.run("completion", shell);
    expect(status).toBe(0);
    expect(stdout).toContain("portrait complete --");
  });

  test("completes commands and the values of options", () => {
    expect(place.run("complete", "--", "ins").stdout).toMatch(/^inspect\b/m);
    expect(place.run("complete", "--", "inspect", "--output", "").stdout).toMatch(/^ndjson\b/m);
  });
});
