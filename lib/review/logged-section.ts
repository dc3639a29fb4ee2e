import { printIdentity } from "../core/identity.ts";
import { getArray } from "../core/json.ts";
import type { PolicyTranslation } from "../policy/translate/translation.ts";
import { code, table } from "./markdown.ts";

/** The successor of each Log rule: what to type instead. `undefined` where no policy logs. */
export function loggedSection(policies: readonly PolicyTranslation[]): string | undefined {
  const rows = policies.flatMap((policy) =>
    policy.findings
      .filter((finding) => finding.code === "POL039")
      .flatMap((finding) =>
        getArray(finding.data ?? {}, "rules").map((rule) => [
          code(printIdentity(policy.source)),
          code(String(rule)),
          getArray(finding.data ?? {}, "hubble")
            .map((command) => code(String(command)))
            .join("<br>"),
        ]),
      ),
  );
  if (rows.length === 0) return undefined;
  return `## Instead of logged drops\n\nCilium's policies have no rule that logs. Hubble sees every verdict while it happens; as a number it is the metric \`hubble_drop_total{reason="POLICY_DENIED"}\`, as a file \`hubble.export.static\`. Its buffer is no audit trail.\n\n${table(["policy", "rule that logs today", "instead"], rows)}`;
}
