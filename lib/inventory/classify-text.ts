import type { Finding, Where } from "../core/finding.ts";
import { inventoryFinding } from "./findings.ts";

/** What a document is that holds no object: a finding, or the notice that a kind has no objects. */
export type TextClass = { readonly kind: "finding"; readonly finding: Finding } | { readonly kind: "no-resources" };

/**
 * Recognises what kubectl prints for people: tables, `describe`, its own messages. `undefined` for any other text.
 * Findings: `inventory/kubectl-table`, `inventory/kubectl-describe`, `inventory/kubectl-message`.
 */
export function classifyText(text: string, where: Where): TextClass | undefined {
  const start = text.trimStart().slice(0, 400);
  if (/^No resources found\b/u.test(start)) return { kind: "no-resources" };
  const rule = rules.find(({ pattern }) => pattern.test(start));
  return rule === undefined ? undefined : { kind: "finding", finding: rule.finding(where, start) };
}

interface Rule {
  readonly pattern: RegExp;
  readonly finding: (where: Where, start: string) => Finding;
}

const rules: readonly Rule[] = [
  {
    pattern: /^(?:NAMESPACE\s+)?NAME {2,}[A-Z][A-Z-]+/u,
    finding: (where) =>
      inventoryFinding("inventory/kubectl-table", {
        message: "the text is the table of `kubectl get`, which leaves out nearly every field",
        where,
        reason: "policies, labels and addresses cannot be read from a table",
        remedy: "run the same command with `-o yaml`",
      }),
  },
  {
    pattern: /^Name:(?: {2,}|\t+)\S/u,
    finding: (where) =>
      inventoryFinding("inventory/kubectl-describe", {
        message: "the text is the output of `kubectl describe`, which is made for people",
        where,
        reason: "its layout is not stable and it leaves fields out",
        remedy: "use `kubectl get … -o yaml` in its place",
      }),
  },
  {
    pattern: /^(?:Error from server|error: |Unable to connect to the server|The connection to the server)/u,
    finding: (where, start) =>
      inventoryFinding("inventory/kubectl-message", {
        message: `the file holds kubectl's message in place of objects: ${start.split("\n")[0]?.trim() ?? ""}`,
        where,
        reason: "what was asked for is not in the inventory",
        remedy: "run the command again with an account that may read it",
      }),
  },
];
