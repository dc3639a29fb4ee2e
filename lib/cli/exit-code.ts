import type { Finding } from "../core/finding.ts";
import { hasError } from "../core/finding.ts";

/** What a command ends with: 0 fine, 1 findings that block, 2 wrong use or unreadable input, 3 a bug of ours. */
export type ExitCode = 0 | 1 | 2 | 3;

/** 1 when a finding blocks, 0 otherwise. */
export function exitCodeOf(findings: readonly Finding[]): ExitCode {
  return hasError(findings) ? 1 : 0;
}
