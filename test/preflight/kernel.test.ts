import { expect, test } from "vitest";
import { isOldKernel } from "../../lib/preflight/node-checks.ts";

test.each([
  ["6.8.0-45-generic", false],
  ["5.10.0-28-amd64", false],
  ["5.15.0-1071-aws", false],
  ["5.9.16", true],
  ["5.4.0-150-generic", true],
  ["4.19.0-27-amd64", true],
  ["4.18.0-553.16.1.el8_10.x86_64", false],
  ["4.18.0-513.24.1.el8_9.x86_64", true],
  ["4.18.0-25-generic", true],
  ["10.0.1", false],
  ["talos", false],
])("kernel %s is too old: %s", (version, old) => {
  expect(isOldKernel(version)).toBe(old);
});
