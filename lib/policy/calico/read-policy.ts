import { isJsonObject, type JsonObject } from "../../core/json.ts";
import { compareText } from "../../core/order.ts";
import type { CalicoPolicy } from "./model.ts";
import { readRules } from "./read-rule.ts";
import {
  type Reading,
  readBoolean,
  readList,
  readNumber,
  readRecord,
  readText,
  report,
  reportUnknownFields,
  textOf,
} from "./reading.ts";
import { readPlainExpression, subjectOf } from "./selector-fields.ts";

const namespacedFields = [
  "tier",
  "order",
  "ingress",
  "egress",
  "selector",
  "types",
  "serviceAccountSelector",
  "performanceHints",
];
const globalFields = [...namespacedFields, "namespaceSelector", "doNotTrack", "preDNAT", "applyOnForward"];
/** Kubernetes' words, and fields at the wrong level. */
const specHints: Readonly<Record<string, string>> = {
  podSelector: "selector",
  policyTypes: "types",
  endpointSelector: "selector",
  action: "ingress[].action or egress[].action",
  rules: "ingress or egress",
};
export const objectFields = ["apiVersion", "kind", "metadata", "spec", "status"];

/** Which of the four Calico policy kinds is read, and how. */
export interface PolicyKind {
  readonly isGlobal: boolean;
  readonly isStaged: boolean;
}

/**
 * A GlobalNetworkPolicy, a NetworkPolicy or their staged forms. The result stands for what was written as far as it could be read; it
 * counts only when the reading has no finding of severity error.
 *
 * Findings: POL001 to POL006, POL010, POL038.
 */
export function readPolicy(reading: Reading, kind: PolicyKind): CalicoPolicy {
  const { object, identity } = reading;
  checkName(reading);
  reportUnknownFields(reading, object.object, "", objectFields);
  const spec = readRecord(reading, object.object, "spec", "spec") ?? {};
  const fields = kind.isGlobal ? globalFields : namespacedFields;
  reportUnknownFields(reading, spec, "spec", kind.isStaged ? [...fields, "stagedAction"] : fields, specHints);
  const scope = kind.isGlobal ? {} : { namespace: identity.namespace ?? "default" };
  const ingress = readRules(reading, spec, "ingress", scope);
  const egress = readRules(reading, spec, "egress", scope);
  const tier = readTierName(reading, spec);
  const flags = kind.isGlobal ? readFlags(reading, spec, egress.length) : noFlags;
  readHints(reading, spec);
  return {
    identity,
    position: object.position,
    ...(object.locate && { locate: object.locate }),
    origin: kind.isGlobal ? "GlobalNetworkPolicy" : "NetworkPolicy",
    isStaged: kind.isStaged,
    tier,
    baseName: withoutTier(identity.name, tier),
    order: readNumber(reading, spec, "order", "spec.order") ?? Number.POSITIVE_INFINITY,
    tieBreak: `${identity.name}/${identity.namespace ?? ""}/${identity.kind}`,
    appliesTo: readSubject(reading, spec, scope),
    governs: readTypes(reading, spec, ingress.length, egress.length),
    ingress,
    egress,
    ...flags,
    annotations: object.annotations,
  };
}

function readSubject(
  reading: Reading,
  spec: JsonObject,
  scope: { readonly namespace?: string },
): CalicoPolicy["appliesTo"] {
  const selector = readPlainExpression(reading, spec, "selector", "spec.selector");
  const accounts = readPlainExpression(reading, spec, "serviceAccountSelector", "spec.serviceAccountSelector");
  const namespaces =
    scope.namespace === undefined
      ? readPlainExpression(reading, spec, "namespaceSelector", "spec.namespaceSelector")
      : undefined;
  return subjectOf({
    ...scope,
    ...(selector && { selector }),
    ...(namespaces && { namespaceSelector: namespaces }),
    ...(accounts && { serviceAccountSelector: accounts }),
  });
}

/**
 * The directions that a policy governs. The Calico API fills in `types`; a stored object without them governs both
 * (POL010).
 *
 * Source: projectcalico/calico v3.32.1 api/pkg/defaults/networkpolicy.go; felix/calc/policy_sorter.go.
 */
function readTypes(
  reading: Reading,
  spec: JsonObject,
  ingressCount: number,
  egressCount: number,
): CalicoPolicy["governs"] {
  const types = readList(reading, spec, "types", "spec.types").flatMap(
    (item, index) => textOf(reading, item, `spec.types[${index}]`) ?? [],
  );
  for (const [index, type] of types.entries())
    if (type !== "Ingress" && type !== "Egress")
      report(reading, "POL002", `spec.types[${index}] ${JSON.stringify(type)} is no type`, `spec.types[${index}]`, {
        remedy: "write Ingress or Egress",
      });
  if (new Set(types).size < types.length)
    report(reading, "POL002", "spec.types names a type twice", "spec.types", { remedy: "name each type once" });
  if (types.length > 0) return { ingress: types.includes("Ingress"), egress: types.includes("Egress") };
  if (reading.group === "v3") return { ingress: ingressCount > 0 || egressCount === 0, egress: egressCount > 0 };
  const missing = ingressCount === 0 ? "ingress" : egressCount === 0 ? "egress" : undefined;
  if (missing !== undefined)
    report(
      reading,
      "POL010",
      `spec.types is missing, so the policy also governs ${missing}, for which it has no rules: all ${missing} of its pods is denied unless another policy allows it`,
      "spec.types",
      {
        reason: "the stored form is not defaulted, and Felix reads missing types as both directions",
        remedy: `write types: [${missing === "ingress" ? "Egress" : "Ingress"}] if ${missing} was not meant, types: [Ingress, Egress] if it was`,
      },
    );
  return { ingress: true, egress: true };
}

type Flags = Pick<CalicoPolicy, "doNotTrack" | "preDNAT" | "applyOnForward">;
const noFlags: Flags = { doNotTrack: false, preDNAT: false, applyOnForward: false };

function readFlags(reading: Reading, spec: JsonObject, egressCount: number): Flags {
  const doNotTrack = readBoolean(reading, spec, "doNotTrack", "spec.doNotTrack");
  const preDNAT = readBoolean(reading, spec, "preDNAT", "spec.preDNAT");
  const applyOnForward = readBoolean(reading, spec, "applyOnForward", "spec.applyOnForward");
  if (doNotTrack && preDNAT)
    report(reading, "POL002", "spec has both doNotTrack and preDNAT", "spec.preDNAT", { remedy: "keep one of them" });
  const types = Array.isArray(spec["types"]) ? spec["types"] : [];
  if (preDNAT && (egressCount > 0 || types.includes("Egress")))
    report(reading, "POL002", "spec has preDNAT and egress", "spec.egress", {
      reason: "destination NAT happens to what arrives; a preDNAT policy can have ingress rules only",
      remedy: "move the egress rules to a policy of their own",
    });
  if ((preDNAT || doNotTrack) && !applyOnForward)
    report(
      reading,
      "POL002",
      `spec has ${preDNAT ? "preDNAT" : "doNotTrack"} without applyOnForward`,
      "spec.applyOnForward",
      {
        remedy: "write applyOnForward: true",
      },
    );
  return { doNotTrack, preDNAT, applyOnForward };
}

function readHints(reading: Reading, spec: JsonObject): void {
  for (const [index, item] of readList(reading, spec, "performanceHints", "spec.performanceHints").entries())
    if (item !== "AssumeNeededOnEveryNode")
      report(
        reading,
        "POL002",
        `spec.performanceHints[${index}] is no hint that Calico knows`,
        `spec.performanceHints[${index}]`,
        {
          remedy: "write AssumeNeededOnEveryNode, or remove it",
        },
      );
}

function readTierName(reading: Reading, spec: JsonObject): string {
  const tier = readText(reading, spec, "tier", "spec.tier");
  return tier === undefined || tier === "" ? "default" : tier;
}

function withoutTier(name: string, tier: string): string {
  return name.startsWith(`${tier}.`) && name.length > tier.length + 1 ? name.slice(tier.length + 1) : name;
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/u;

/** A name must be a DNS subdomain of at most 253 characters (POL002). */
export function checkName(reading: Reading): void {
  const { name } = reading.identity;
  if (textOf(reading, name, "metadata.name") === undefined) return;
  if (name.length > 253 || !subdomain.test(name))
    report(
      reading,
      "POL002",
      `the name ${JSON.stringify(name.slice(0, 80))} is no DNS name of at most 253 characters`,
      "metadata.name",
      {
        reason: "Calico ignores the object",
        remedy: "rename the object: lower-case letters, digits, - and .",
      },
    );
}

/** Labels of an object; those of the annotation that the v3 API keeps in the stored form come first. */
export function labelsOf(reading: Reading): Readonly<Record<string, string>> {
  const kept = reading.object.annotations["projectcalico.org/metadata"];
  if (kept === undefined || reading.group !== "stored") return reading.object.labels;
  const metadata = parseMetadata(reading, kept);
  const labels = metadata?.["labels"];
  if (!isJsonObject(labels)) return reading.object.labels;
  const own = Object.entries(labels).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  const merged = { ...reading.object.labels, ...Object.fromEntries(own) };
  return Object.fromEntries(Object.entries(merged).sort(([a], [b]) => compareText(a, b)));
}

function parseMetadata(reading: Reading, text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // Not JSON: told below like any other wrong value.
  }
  const field = 'metadata.annotations["projectcalico.org/metadata"]';
  report(reading, "POL001", `${field} is no JSON object`, field, {
    reason: "Calico keeps the labels of a v3 object there",
    remedy: "write the object again through the projectcalico.org/v3 API",
  });
  return undefined;
}
