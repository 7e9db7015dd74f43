#!/usr/bin/env node
let main;
try {
  ({ main } = await import("../dist/main.js"));
} catch (error) {
  if (error?.code !== "ERR_MODULE_NOT_FOUND") throw error;
  console.error(`portrait is not built yet (${error.message}). Run "npm run setup" in its folder, then try again.`);
  process.exit(2);
}
process.exit(await main(process.argv.slice(2)));
