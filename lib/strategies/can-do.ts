import type { Finding } from "../core/finding.ts";
import type { Plan, Strategy } from "../plan/plan.ts";
import type { SourceDetection } from "../source/source.ts";
import { strategyFinding } from "./findings.ts";

/** Findings that speak of two networks on one node: with these strategies there never are two. */
const onlyLive: Readonly<Record<Exclude<Strategy, "live">, readonly string[]>> = {
  "in-place": [
    "source/agent-missing",
    "source/autodetection",
    "source/daemonset-unhealthy",
    "source/ebpf-dataplane",
    "source/external-snat",
    "source/shared-gateway",
    "source/vpp-dataplane",
    "target/devices-needed",
  ],
  "blue-green": [
    "preflight/kp-clustercidr",
    "preflight/mtu-drop",
    "source/agent-missing",
    "source/already-cilium",
    "source/ambiguous",
    "source/autodetection",
    "source/cilium-chained",
    "source/daemonset-unhealthy",
    "source/ebpf-dataplane",
    "source/external-snat",
    "source/migration-under-way",
    "source/openshift",
    "source/provider-managed",
    "source/shared-gateway",
    "source/vpp-dataplane",
    "target/cni-directory-moves",
    "target/devices-needed",
  ],
};

/** What stands in the way of a strategy, by code of the source's finding, and the next best way. */
const refusals: Readonly<Record<Strategy, Readonly<Record<string, string>>>> = {
  live: {},
  "in-place": {
    "source/already-cilium":
      "Upgrade Cilium by its own way; `metachron translate` and `prove` still serve its policies",
    "source/ambiguous":
      "Name the network in spec.source, or finish what was begun; until then nobody knows what the outage would remove",
    "source/cilium-chained": "Set strategy: blue-green: what chains Cilium today also owns the nodes' network",
    "source/migration-under-way": "Go on live with the plan that was begun, or take it back wave by wave first",
    "source/openshift":
      "Set strategy: blue-green with a cluster that is installed with its CNI, or follow the vendor's way: its operator brings the network back during the outage",
    "source/provider-managed":
      "Follow the provider's own way, or set strategy: blue-green with a cluster that is created without the provider's network",
    "source/unknown":
      "Name the network in spec.source if it is one of those that are known, or set strategy: blue-green: what is not known cannot be removed",
  },
  "blue-green": {},
};

/** What the plan's strategy means for this source: findings that do not matter are lowered, refusals are told with what next. */
export function judgeStrategy(plan: Plan, source: SourceDetection, told: readonly Finding[]): readonly Finding[] {
  const { strategy } = plan.spec;
  if (strategy === "live") return [...told, ...liveRefusal(plan, source)];
  const refused = refusals[strategy];
  const reasons = source.findings.filter(
    (finding) => finding.severity === "error" && refused[finding.code] !== undefined,
  );
  return [
    ...told.map((finding) => lowered(finding, strategy)),
    ...reasons.map((finding) =>
      strategyFinding("strategies/refused", {
        message: `${strategy} cannot be planned from ${source.source}: ${finding.message}`,
        where: { file: plan.file, field: "spec.strategy" },
        ...(refused[finding.code] !== undefined && { remedy: refused[finding.code] ?? "" }),
        data: { strategy, because: finding.code },
      }),
    ),
  ];
}

function liveRefusal(plan: Plan, source: SourceDetection): readonly Finding[] {
  if (source.live.kind !== "refused") return [];
  const { reason, alternatives } = source.live;
  return [
    strategyFinding("migration/live-refused", {
      message: `${source.source} cannot be left live: ${reason}`,
      where: { file: plan.file, field: "spec.strategy" },
      remedy: alternatives.join("; "),
    }),
  ];
}

function lowered(finding: Finding, strategy: Exclude<Strategy, "live">): Finding {
  if (finding.severity === "info" || !onlyLive[strategy].includes(finding.code)) return finding;
  const why = `with strategy ${strategy} the two networks never share a node, so this does not stand in the way`;
  return { ...finding, severity: "info", reason: finding.reason === undefined ? why : `${finding.reason}; ${why}` };
}

/** Whether stages may be made: nothing refuses the strategy, or a person accepted that it is refused. */
export function isStrategyOpen(findings: readonly Finding[]): boolean {
  return !findings.some((finding) => finding.severity === "error" && isRefusal(finding));
}

function isRefusal({ code }: Finding): boolean {
  return code === "strategies/refused" || code === "strategies/flannel-refused" || code === "migration/live-refused";
}

/** What forcing a refused strategy means: told beside the acceptance, once for each. `findings` have acceptances applied. */
export function forcedFindings(plan: Plan, findings: readonly Finding[]): readonly Finding[] {
  const { strategy } = plan.spec;
  return findings
    .filter((finding) => isRefusal(finding) && finding.data?.["accepted"] !== undefined)
    .map((finding) =>
      strategyFinding("strategies/forced", {
        message: `the plan forces ${strategy}: ${finding.message}`,
        where: { file: plan.file, field: "spec.preflight.accept" },
        reason: forcedMeaning[strategy],
        remedy: forcedNext[strategy],
        data: { strategy, code: finding.code },
      }),
    );
}

const forcedMeaning: Readonly<Record<Strategy, string>> = {
  live: "Stages are made as if the two networks could share a node; the canary's gate tries both directions and stops the first wave where they cannot, with the canary's node cordoned and its pods moved",
  "in-place":
    "Stages are made from what was recognised; what was not is not removed, and may come back in the middle of the outage",
  "blue-green": "Stages are made for the second cluster from what was recognised of the first",
};

const forcedNext: Readonly<Record<Strategy, string>> = {
  live: "Open 100-canary on a node that can be lost, read its gate, and roll it back at the first failure",
  "in-place": "Try the whole plan on a copy of the cluster first",
  "blue-green": "Compare policies.md with the first cluster by hand",
};
