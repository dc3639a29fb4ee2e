import { minor as minorOf, parse as parseVersion } from "semver";
import type { Checked, Finding } from "../core/finding.ts";
import { getString, type JsonObject } from "../core/json.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Plan } from "../plan/plan.ts";
import { detectDistribution } from "../source/distribution.ts";
import type { SourceDetection } from "../source/source.ts";
import { choosePool } from "./choose-pool.ts";
import { chooseContinuity } from "./continuity.ts";
import { deviceMTU } from "./device-mtu.ts";
import { sourceDevices } from "./devices.ts";
import { findingOf } from "./findings.ts";
import { hostPortsThroughCNI } from "./host-ports.ts";
import { type ChartMinor, chartMinors } from "./known-values.ts";
import { mergeOverrides } from "./merge-overrides.ts";
import { addressRules, datapathRules, overlayRules } from "./network-values.ts";
import { defaultNamespace } from "./node-config.ts";
import { nodeConfigReasons } from "./node-config-reasons.ts";
import { cniRules, observationRules, serviceRules, workloadRules } from "./operation-values.ts";
import { enforcementRules } from "./policy-values.ts";
import { chooseServiceHost } from "./service-host.ts";
import type { CiliumValues, ReasonedValue, TargetPlan, ValuesPhase } from "./target.ts";
import type { TargetContext } from "./target-context.ts";
import { chooseTunnel } from "./tunnel.ts";
import type { ValueRule } from "./value-rule.ts";
import { inTopLevelOrder, isOnPath, leavesOf, putValue, treeOf } from "./value-tree.ts";
import { valuesText } from "./values-text.ts";

/** What `planTarget` reads. */
export interface TargetInput {
  readonly plan: Plan;
  readonly inventory: Inventory;
  readonly source: SourceDetection;
  /** Helm values that the translated policies need (`Translation.requiredValues`); empty when none. */
  readonly requiredValues: JsonObject;
}

const rules: readonly ValueRule[] = [
  ...addressRules,
  ...overlayRules,
  ...cniRules,
  ...enforcementRules,
  ...datapathRules,
  ...serviceRules,
  ...workloadRules,
  ...observationRules,
];

/**
 * Everything about Cilium that the plan leads to: Helm values of both phases with their reasons, the pool of pod
 * addresses, the settings of the waves' CiliumNodeConfigs, and how policy holds meanwhile.
 *
 * Shape: the value is absent only for a target that is not Cilium. An error finding means that the values must not be
 * applied as they are; they are complete nevertheless, so that a reviewer sees them.
 * Findings: every code of the room's table.
 * Source: cilium/cilium v1.20.2 Documentation/installation/k8s-install-migration.rst; lab pilot of metachron.
 */
export function planTarget(input: TargetInput): Checked<TargetPlan> {
  const { plan, inventory, source } = input;
  if (plan.spec.target.cni !== "cilium")
    return {
      value: undefined,
      findings: [
        findingOf("target/not-cilium", { message: `the target is ${plan.spec.target.cni}: no Cilium values are made` }),
      ],
    };
  const version = chooseMinor(plan);
  const pool = choosePool(plan, inventory, source);
  const continuity = chooseContinuity(plan, inventory, source, pool.value?.cidrs ?? []);
  const distribution = detectDistribution(inventory);
  const serviceHost = chooseServiceHost(plan, inventory, source, distribution);
  const context: TargetContext = {
    plan,
    inventory,
    source,
    minor: version.minor,
    distribution,
    pool: pool.value ?? { cidrs: [], maskSize: {} },
    tunnel: chooseTunnel(inventory, source),
    continuity: continuity.value ?? noContinuity(plan),
    hostPorts: hostPortsThroughCNI(inventory),
    serviceHost: serviceHost.value,
  };
  const required = requiredOf(input.requiredValues);
  const merged = mergeOverrides(
    context,
    { migration: decide(context, "migration", required), final: decide(context, "final", required) },
    required,
  );
  const migration = valuesOf(context, "migration", merged.migration);
  const final = valuesOf(context, "final", merged.final);
  const reasons = nodeConfigReasons(context, final.values);
  const findings = [
    ...version.findings,
    ...pool.findings,
    ...continuity.findings,
    ...serviceHostFindings(serviceHost.findings, migration.values),
    ...merged.findings,
    ...deviceFindings(context, migration.values),
    ...mtuFindings(context, migration.values),
    ...directoryFindings(context),
  ];
  return {
    value: {
      migration,
      final,
      podCIDRs: context.pool.cidrs,
      podCIDRMaskSize: context.pool.maskSize,
      tunnelPort: Number(migration.values["tunnelPort"] ?? context.tunnel.port),
      nodeConfigDefaults: Object.fromEntries(reasons.map(({ path, value }) => [path[0] ?? "", String(value)])),
      nodeConfigReasons: reasons,
      continuity: context.continuity,
      namespace: getString(migration.values, "namespaceOverride") || defaultNamespace,
      findings,
    },
    findings,
  };
}

function noContinuity(plan: Plan): TargetContext["continuity"] {
  const requested = plan.spec.policies.continuity;
  return { requested, effective: requested, needsMirrors: true, sourcePrefixes: [], conditions: [] };
}

function decide(context: TargetContext, phase: ValuesPhase, required: readonly ReasonedValue[]): ReasonedValue[] {
  const decided = rules.flatMap(({ path, decide: of }) => {
    const decision = of(context, phase);
    return decision === undefined ? [] : [{ path, ...decision }];
  });
  const isDecided = (value: ReasonedValue): boolean => decided.some((other) => isOnPath(other.path, value.path));
  const enforcement = decided.findLastIndex((value) => value.path[0] === "policyAuditMode");
  const added = required.filter((value) => !isDecided(value));
  // What a policy needs goes before what the rules say.
  return required
    .filter(isDecided)
    .reduce<ReasonedValue[]>(putValue, [
      ...decided.slice(0, enforcement + 1),
      ...added,
      ...decided.slice(enforcement + 1),
    ]);
}

/** What policies need, as values. */
function requiredOf(required: JsonObject): ReasonedValue[] {
  return leavesOf(required).map(({ path, value }) => ({
    path,
    value,
    why: "a translated policy needs it",
  }));
}

function valuesOf(context: TargetContext, phase: ValuesPhase, values: readonly ReasonedValue[]): CiliumValues {
  const order = [...new Set(values.map((value) => value.path[0] ?? ""))];
  const reasons = inTopLevelOrder(values, order);
  const { version } = context.plan.spec.target;
  return {
    phase,
    version,
    values: treeOf(reasons),
    reasons,
    text: valuesText(reasons, [
      `Helm values of Cilium ${version} for ${context.plan.name}, ${phaseTitle[phase]}.`,
      "Written by metachron from the inventory and the plan; change the plan, not this file.",
    ]),
  };
}

const phaseTitle: Readonly<Record<ValuesPhase, string>> = {
  migration: "while both networks run",
  final: "for the time after the migration",
};

function chooseMinor(plan: Plan): { readonly minor: ChartMinor; readonly findings: readonly Finding[] } {
  const { version } = plan.spec.target;
  const parsed = parseVersion(version);
  const text = parsed === null ? "" : `${parsed.major}.${minorOf(parsed)}`;
  const known = chartMinors.find((minor) => minor === text);
  if (known !== undefined) return { minor: known, findings: [] };
  const nearest = parsed !== null && parsed.compare("1.18.0") < 0 ? "1.18" : "1.20";
  return {
    minor: nearest,
    findings: [
      findingOf("target/version-unsupported", {
        message: `Cilium ${version} is none of ${chartMinors.join(", ")}; the values follow ${nearest}`,
        where: { file: plan.file, field: "spec.target.version" },
        reason:
          "the chart's keys and the agent's behaviour differ by minor, and a value that a chart does not know is ignored",
        remedy: "set spec.target.version to a release of 1.18, 1.19 or 1.20",
      }),
    ],
  };
}

/** An address that the plan's own values give is as good as one of its fields. */
function serviceHostFindings(findings: readonly Finding[], values: JsonObject): readonly Finding[] {
  return values["k8sServiceHost"] === undefined
    ? findings
    : findings.filter((finding) => finding.code !== "target/k8s-service-host-needed");
}

function deviceFindings(context: TargetContext, values: JsonObject): Finding[] {
  const excluded = sourceDevices(context.source);
  if (excluded.length === 0 || values["devices"] !== undefined) return [];
  return [
    findingOf("target/devices-needed", {
      message: `Cilium 1.18 would take ${excluded.join(", ")} of ${context.source.source} for uplinks`,
      where: { file: context.plan.file, field: "spec.target.devices" },
      reason: "its detection takes any device with a route (measured with flannel.1), and 1.18 cannot exclude one",
      remedy:
        "name the uplinks in spec.target.devices, for example [eth0]; `ip -o route get 1.1.1.1` on each node shows them",
      data: { devices: excluded },
    }),
  ];
}

function mtuFindings({ source }: TargetContext, values: JsonObject): Finding[] {
  const mtu = deviceMTU(source.facts);
  if (mtu === undefined || mtu.value === source.facts.mtu || mtu.value !== values["MTU"]) return [];
  return [
    findingOf("target/mtu-estimated", {
      message: `the uplinks' MTU is taken to be ${mtu.value}, because ${source.source} was told ${source.facts.mtu}`,
      reason: mtu.why,
      remedy: "compare with `ip link` on the nodes; set MTU in spec.target.values if it differs",
      data: { mtu: mtu.value, sourceMTU: source.facts.mtu ?? null },
    }),
  ];
}

function directoryFindings(context: TargetContext): Finding[] {
  if (context.distribution !== "k3s") return [];
  const { cniConfDirectory, cniBinDirectory } = context.source.facts;
  return [
    findingOf("target/cni-directory-moves", {
      message: `k3s reads CNI files from ${cniConfDirectory} now and from /etc/cni/net.d once it starts with --flannel-backend=none`,
      reason: `${cniBinDirectory} becomes /opt/cni/bin likewise: after that restart no pod can start before Cilium has written there`,
      remedy:
        "set cni.confPath and cni.binPath anew, let the agents restart, and only then restart k3s with the new flag, servers first",
    }),
  ];
}
