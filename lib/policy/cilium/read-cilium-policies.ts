import { type Checked, compareFindings, type Finding, whereOf } from "../../core/finding.ts";
import { apiGroup, printIdentity } from "../../core/identity.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { byAll, byText } from "../../core/order.ts";
import type { RawObject } from "../../inventory/inventory.ts";
import { createLabelFilter } from "../space/label-filter.ts";
import type { CiliumSettings } from "../space/world.ts";
import { type CidrGroups, readCidrGroup } from "./cidr-groups.ts";
import type { CiliumPolicySet, CiliumRule } from "./model.ts";
import { readKubernetesPolicy } from "./read-kubernetes-policy.ts";
import { isRuleGiven, readRule } from "./read-rule.ts";
import { type Reading, reject } from "./reading.ts";

/**
 * The meaning of a set of objects to Cilium: CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy, CiliumCIDRGroup, and
 * Kubernetes NetworkPolicy as Cilium reads it. Objects of other kinds are left out in silence, so that a whole inventory
 * may be given; a ClusterNetworkPolicy is named in a finding.
 *
 * An object that Cilium would refuse contributes no rule: it would be stored and not enforced. Every field is given its
 * meaning or named in a finding. Rules are sorted by namespace, name and kind, whatever the order of the input.
 * Findings: all of `ciliumFindings`. Source: cilium 1.18.11, 1.19.6, 1.20.2 pkg/policy/api, pkg/k8s.
 */
export function readCiliumPolicies(objects: readonly RawObject[], settings: CiliumSettings): Checked<CiliumPolicySet> {
  const findings: Finding[] = [];
  const keepsLabel = createLabelFilter(settings.labelFilter);
  const open = (raw: RawObject): Reading => ({
    identity: identityOf(raw),
    position: raw.position,
    raw,
    settings,
    keepsLabel,
    findings,
    isRejected: false,
  });
  const sorted = withoutDuplicates(objects, findings).sort(
    byAll<RawObject>(
      byText((raw) => raw.namespace ?? ""),
      byText((raw) => raw.name),
      byText((raw) => raw.kind),
    ),
  );
  const groups = sorted.filter(isCidrGroup).map((raw) => readCidrGroup(open(raw), raw));
  const rules = sorted.flatMap((raw) => readObjectRules(open(raw), raw, groups));
  return { value: { rules, cidrGroups: groups }, findings: findings.sort(compareFindings) };
}

/** The first of every object, by group, kind, namespace and name; the others are told. */
function withoutDuplicates(objects: readonly RawObject[], findings: Finding[]): RawObject[] {
  const seen = new Map<string, RawObject>();
  for (const raw of objects) {
    if (!isPolicyKind(raw)) continue;
    const key = `${apiGroup(raw.apiVersion)} ${printIdentity(raw)}`;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, raw);
    else findings.push(duplicateFinding(raw, first));
  }
  return [...seen.values()];
}

function duplicateFinding(raw: RawObject, first: RawObject): Finding {
  return {
    code: "cilium/duplicate-object",
    severity: "error",
    message: `${printIdentity(raw)} is in the input twice; this one is not read`,
    where: whereOf(raw, raw.position),
    reason: "One object has one definition in a cluster",
    remedy: "give one of the two",
    related: [{ message: "this one is read", where: whereOf(first, first.position) }],
  };
}

const policyGroups = ["cilium.io", "networking.k8s.io", "extensions", "policy.networking.k8s.io"];

function isPolicyKind({ apiVersion, kind }: RawObject): boolean {
  return policyGroups.includes(apiGroup(apiVersion)) && /NetworkPolicy$|^CiliumCIDRGroup$/u.test(kind);
}

/**
 * Everything that Cilium would refuse in one object, and everything that it would accept and not do: the check that an
 * emitter makes before it writes. CIDR groups that the object names are taken as existing.
 */
export function validateCiliumObject(object: JsonObject, settings: CiliumSettings): Finding[] {
  const raw = rawOf(object);
  const { findings } = readCiliumPolicies([raw], settings);
  return findings.filter(({ code }) => code !== "cilium/unknown-group");
}

function identityOf(raw: RawObject): Reading["identity"] {
  const { apiVersion, kind, namespace, name } = raw;
  return { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) };
}

function isCidrGroup(raw: RawObject): boolean {
  return apiGroup(raw.apiVersion) === "cilium.io" && raw.kind === "CiliumCIDRGroup";
}

function readObjectRules(reading: Reading, raw: RawObject, groups: CidrGroups): CiliumRule[] {
  const group = apiGroup(raw.apiVersion);
  if ((group === "networking.k8s.io" || group === "extensions") && raw.kind === "NetworkPolicy")
    return readKubernetesPolicy(reading, raw);
  if (group === "policy.networking.k8s.io") {
    reading.findings.push(clusterPolicyFinding(raw));
    return [];
  }
  const isPolicy = raw.kind === "CiliumNetworkPolicy" || raw.kind === "CiliumClusterwideNetworkPolicy";
  return group === "cilium.io" && isPolicy ? readPolicy(reading, raw, groups) : [];
}

function clusterPolicyFinding(raw: RawObject): Finding {
  return {
    code: "cilium/cluster-network-policy",
    severity: "error",
    message: `${printIdentity(raw)} is not evaluated`,
    where: whereOf(raw, raw.position),
    reason: "Its tiers stand before and after all other policy, and they are not part of the comparison",
    remedy: "compare without it, and judge it by hand",
  };
}

function readPolicy(reading: Reading, raw: RawObject, groups: CidrGroups): CiliumRule[] {
  checkScope(reading, raw);
  const spec = raw.object["spec"];
  const specs = raw.object["specs"];
  if (!isRuleGiven(spec) && !isRuleGiven(specs)) {
    reject(reading, "cilium/no-spec", "spec", "the policy has neither spec nor specs", "write spec");
    return [];
  }
  const given: { readonly value: JsonValue; readonly path: string; readonly specIndex: number }[] = [];
  if (isRuleGiven(spec)) given.push({ value: spec ?? null, path: "spec", specIndex: 0 });
  if (isRuleGiven(specs) && Array.isArray(specs))
    specs.forEach((value, specIndex) => {
      given.push({ value, path: `specs[${specIndex}]`, specIndex });
    });
  else if (isRuleGiven(specs)) reject(reading, "cilium/type", "specs", "specs is no list", "write a list");
  const rules = given.flatMap(
    ({ value, path, specIndex }) => readRule(reading, value, { path, specIndex, groups }) ?? [],
  );
  return reading.isRejected ? [] : rules;
}

function checkScope(reading: Reading, raw: RawObject): void {
  if (raw.name === "")
    reject(reading, "cilium/no-spec", "metadata.name", "the policy has no name", "write metadata.name");
  const isNamespaced = raw.kind === "CiliumNetworkPolicy";
  if (isNamespaced === (raw.namespace !== undefined)) return;
  reject(
    reading,
    "cilium/subject",
    "metadata.namespace",
    isNamespaced ? "a CiliumNetworkPolicy has no namespace" : "a clusterwide policy has a namespace",
    isNamespaced ? "write metadata.namespace" : "remove metadata.namespace",
  );
}

function rawOf(object: JsonObject): RawObject {
  const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
  const text = (value: JsonValue | undefined): string => (typeof value === "string" ? value : "");
  const namespace = metadata["namespace"];
  return {
    apiVersion: text(object["apiVersion"]),
    kind: text(object["kind"]),
    name: text(metadata["name"]),
    ...(typeof namespace === "string" && { namespace }),
    labels: {},
    annotations: {},
    position: {},
    object,
  };
}
