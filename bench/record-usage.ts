import { readFileSync, writeFileSync } from "node:fs";

/**
 * Loaded before the program that is measured (`node --import`): when that ends, what it cost goes into the file that the
 * variable names.
 */
const file = process.env["METACHRON_BENCH_USAGE"];

/** Linux gives a process that starts the peak of its parent, so the peak is read where only its own memory counts. */
function peakMegabytes(): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/mu.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) / 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS / 1024;
}

if (file !== undefined)
  process.on("exit", () => {
    const usage = {
      seconds: process.uptime(),
      userSeconds: process.cpuUsage().user / 1e6,
      peakMegabytes: peakMegabytes(),
    };
    writeFileSync(file, JSON.stringify(usage));
  });
