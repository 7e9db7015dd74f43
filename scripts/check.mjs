// Everything that must hold before a commit: format, lint, build, the tests' types, the tests. Installs nothing.
// The last line is "N passed, N failed, N skipped": tests, plus one failed for each other check that did not hold.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "./build.mjs";
import { unexpectedSkips } from "./lib/skips.mjs";
import { runTool } from "./lib/run.mjs";

const checks = [
  { name: "build", holds: build },
  { name: "format", holds: () => runTool("prettier/bin/prettier.cjs", ["--check", "--log-level=warn", "."]) },
  { name: "lint", holds: () => runTool("oxlint/bin/oxlint", ["."]) },
  { name: "test types", holds: () => runTool("typescript/bin/tsc", ["-p", "tsconfig.test.json"]) },
];

const broken = [];
for (const { name, holds } of checks) {
  console.log(`\n── ${name}`);
  if (!(await holds())) broken.push(`${name} does not hold; see above`);
}
console.log("\n── tests");
const tests = runTests();
broken.push(...tests.problems, ...(process.env["CI"] ? unexpectedSkips(tests.skipped) : []));

for (const { name, reason } of tests.skipped) console.log(`skipped: ${name}: ${reason ?? "no reason given"}`);
for (const problem of broken) console.log(`failed: ${problem}`);
const failed = tests.failed + broken.length;
console.log(`${tests.passed} passed, ${failed} failed, ${tests.skipped.length} skipped`);
process.exitCode = failed === 0 ? 0 : 1;

function runTests() {
  const folder = mkdtempSync(join(tmpdir(), "portrait-check-"));
  const report = join(folder, "tests.json");
  const reporters = ["--reporter=default", "--reporter=./scripts/lib/counting-reporter.mjs"];
  const env = { ...process.env, PORTRAIT_TEST_REPORT: report };
  const exitedWell = runTool("vitest/vitest.mjs", ["run", ...reporters], { env });
  try {
    const counts = JSON.parse(readFileSync(report, "utf8"));
    const problems = exitedWell || counts.failed > 0 ? [] : ["vitest reported an error outside of any test; see above"];
    return { ...counts, problems };
  } catch {
    return { passed: 0, failed: 0, skipped: [], problems: ["the tests did not run to their end"] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
