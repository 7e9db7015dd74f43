import { writeFileSync } from "node:fs";

/** Vitest reporter that writes `{ passed, failed, skipped: [{ name, reason }] }` to the file PORTRAIT_TEST_REPORT names. */
export default class CountingReporter {
  onTestRunEnd(modules) {
    const counts = { passed: 0, failed: 0, skipped: [] };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") counts.passed++;
        else if (result.state === "failed") counts.failed++;
        else counts.skipped.push({ name: `${module.relativeModuleId} > ${test.fullName}`, reason: result.note });
      }
    }
    writeFileSync(process.env["PORTRAIT_TEST_REPORT"], JSON.stringify(counts));
  }
}
