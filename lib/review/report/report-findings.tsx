import type { Finding } from "../../core/finding.ts";
import { count } from "../markdown.ts";

const severities = ["error", "warning", "info"] as const;

/** Every finding, those of one code together, the worst first. */
export function FindingList({ findings }: { readonly findings: readonly Finding[] }) {
  const groups = severities.flatMap((severity) => groupByCode(findings.filter((entry) => entry.severity === severity)));
  return (
    <section id="findings">
      <h2>Findings</h2>
      {groups.length === 0 && <p>None.</p>}
      {groups.map((group) => (
        <FindingGroup key={`${group[0]?.severity} ${group[0]?.code}`} group={group} />
      ))}
    </section>
  );
}

function groupByCode(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const group = groups.get(finding.code);
    if (group === undefined) groups.set(finding.code, [finding]);
    else group.push(finding);
  }
  return [...groups.values()];
}

function FindingGroup({ group }: { readonly group: readonly Finding[] }) {
  const [first] = group;
  if (first === undefined) return null;
  return (
    <details open={first.severity === "error"}>
      <summary>
        <span class={`severity ${first.severity}`}>{first.severity}</span> <code>{first.code}</code>{" "}
        {group.length === 1 ? first.message : count(group.length, "time")}
      </summary>
      <ul>
        {group.map((finding, index) => (
          <li key={String(index)}>
            {place(finding) !== "" && <code>{place(finding)}</code>} {finding.message}
            {finding.reason !== undefined && <div class="soft">Why: {finding.reason}</div>}
            {finding.remedy !== undefined && <div class="soft">Do: {finding.remedy}</div>}
          </li>
        ))}
      </ul>
    </details>
  );
}

function place({ where }: Finding): string {
  if (where === undefined) return "";
  const file = where.line === undefined ? where.file : `${where.file}:${where.line}`;
  return [file, where.object, where.field].filter((part) => part !== undefined && part !== "").join(" ");
}
