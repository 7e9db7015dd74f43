import { defineConfig } from "vitest/config";

export default defineConfig({
  // Tests read package sources through the private condition, never a stale dist/.
  ssr: { resolve: { conditions: ["portrait-source", "node", "import", "module", "default"] } },
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "packages/*/test/**/*.test.ts",
      "fixtures/**/*.test.ts",
      "docs/**/*.test.ts",
    ],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: "forks",
  },
});
