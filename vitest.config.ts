import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "threads",
    maxWorkers: 2,
    testTimeout: 60_000,
    expect: { requireAssertions: true },
    snapshotFormat: { printBasicPrototype: false },
    env: { TZ: "UTC" },
  },
});
