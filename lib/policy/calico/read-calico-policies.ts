import { type Checked, compareFindings, type Finding } from "../../core/finding.ts";
import { apiGroup, type ObjectIdentity, printIdentity } from "../../core/identity.ts";
import { byAll, byText, compareText } from "../../core/order.ts";
import type { RawObject } from "../../inventory/inventory.ts";
import type {
  CalicoAbsentPolicy,
  CalicoHostEndpoint,
  CalicoNetworkSet,
  CalicoPolicy,
  CalicoPolicySet,
  CalicoTier,
} from "./model.ts";
import { readKubernetesPolicy } from "./read-kubernetes-policy.ts";
import { readHostEndpoint, readNetworkSet, readProfile } from "./read-other-kinds.ts";
import { readPolicy } from "./read-policy.ts";
import { builtInTiers, readTier } from "./read-tier.ts";
import { isInvalid, type Reading, type ReadingSession, report } from "./reading.ts";

/** What the reader may be told. */
export interface ReadingOptions {
  /** Values of `${NAME}` variables in the objects, as Flux would fill them in. */
  readonly variables?: Readonly<Record<string, string>>;
}

interface Collected {
  readonly tiers: CalicoTier[];
  readonly policies: CalicoPolicy[];
  readonly absent: CalicoAbsentPolicy[];
  readonly networkSets: CalicoNetworkSet[];
  readonly hostEndpoints: CalicoHostEndpoint[];
  readonly profiles: CalicoPolicySet["profiles"][number][];
  readonly findings: Finding[];
}

/** What to do with an object of one kind. */
type KindReader = (reading: Reading, collected: Collected) => void;

const calicoKinds: Readonly<Record<string, KindReader>> = {
  GlobalNetworkPolicy: (reading, into) =>
    addPolicy(reading, into, readPolicy(reading, { isGlobal: true, isStaged: false })),
  NetworkPolicy: (reading, into) => addPolicy(reading, into, readPolicy(reading, { isGlobal: false, isStaged: false })),
  StagedGlobalNetworkPolicy: (reading, into) =>
    addPolicy(reading, into, readPolicy(reading, { isGlobal: true, isStaged: true })),
  StagedNetworkPolicy: (reading, into) =>
    addPolicy(reading, into, readPolicy(reading, { isGlobal: false, isStaged: true })),
  StagedKubernetesNetworkPolicy: (reading, into) => addPolicy(reading, into, readKubernetesPolicy(reading, true)),
  Tier: (reading, into) => addValid(reading, into.tiers, readTier(reading)),
  GlobalNetworkSet: (reading, into) => addValid(reading, into.networkSets, readNetworkSet(reading)),
  NetworkSet: (reading, into) => addValid(reading, into.networkSets, readNetworkSet(reading)),
  HostEndpoint: (reading, into) => addValid(reading, into.hostEndpoints, readHostEndpoint(reading)),
  Profile: (reading, into) => {
    // Calico makes these two families of profiles itself; they allow everything or hold labels only.
    if (!/^(?:kns|ksa)\./u.test(reading.identity.name)) addValid(reading, into.profiles, readProfile(reading));
  },
};

const otherPolicyKinds: readonly string[] = [
  "ClusterNetworkPolicy",
  "AdminNetworkPolicy",
  "BaselineAdminNetworkPolicy",
];

/**
 * Reads every policy object of Calico and Kubernetes among the given objects and puts them into the order in which Calico
 * evaluates them; other objects are passed over.
 *
 * Objects that Calico would refuse or ignore are told (POL001, POL002, POL004, POL038), listed under `absent`, and have no part
 * in the evaluation. Unknown fields are told (POL003) and ignored, as Calico ignores them. Fields of the
 * `projectcalico.org/v3` API are defaulted; objects of the stored form (`crd.projectcalico.org`) are taken as they are.
 *
 * Shape: tiers sorted as evaluated (only those that a policy names, and `default`), policies sorted inside their tier.
 * Source: projectcalico/calico v3.32.1 felix/calc/policy_sorter.go.
 */
export function readCalicoPolicies(
  objects: readonly RawObject[],
  options: ReadingOptions = {},
): Checked<CalicoPolicySet> {
  const session: ReadingSession = { variables: options.variables ?? {}, selectors: new Map() };
  const collected: Collected = {
    tiers: [],
    policies: [],
    absent: [],
    networkSets: [],
    hostEndpoints: [],
    profiles: [],
    findings: [],
  };
  const seen = new Map<string, RawObject>();
  for (const object of objects) readObject(object, session, seen, collected);
  const tiers = completeTiers(collected);
  return { value: arrange(collected, tiers), findings: collected.findings.sort(compareFindings) };
}

function readObject(object: RawObject, session: ReadingSession, seen: Map<string, RawObject>, into: Collected): void {
  const group = groupOf(object.apiVersion);
  const reader = readerOf(object, group);
  if (reader === undefined || group === undefined) return;
  const reading: Reading = { object, identity: identityOf(object), group, findings: [], session };
  const key = `${group === "kubernetes" ? "kubernetes" : "calico"} ${printIdentity(reading.identity)}`;
  if (seen.has(key)) {
    report(
      reading,
      "POL009",
      `${printIdentity(reading.identity)} is in the input twice; this one is not read`,
      undefined,
      {
        reason: "one object has one definition in a cluster; the v3 and the stored form are two views of it",
        remedy: "give one of the two",
      },
    );
    into.findings.push(...reading.findings);
    return;
  }
  seen.set(key, object);
  reader(reading, into);
  into.findings.push(...reading.findings);
}

function groupOf(apiVersion: string): Reading["group"] | undefined {
  const group = apiGroup(apiVersion);
  if (group === "projectcalico.org") return "v3";
  if (group === "crd.projectcalico.org") return "stored";
  return ["networking.k8s.io", "extensions", "policy.networking.k8s.io"].includes(group) ? "kubernetes" : undefined;
}

function readerOf(object: RawObject, group: Reading["group"] | undefined): KindReader | undefined {
  if (group !== "kubernetes") return Object.hasOwn(calicoKinds, object.kind) ? calicoKinds[object.kind] : undefined;
  if (object.kind === "NetworkPolicy")
    return (reading, into) => addPolicy(reading, into, readKubernetesPolicy(reading));
  return otherPolicyKinds.includes(object.kind) ? addOtherApi : undefined;
}

function identityOf(object: RawObject): ObjectIdentity {
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    ...(object.namespace !== undefined && { namespace: object.namespace }),
    name: object.name,
  };
}

function addValid<T>(reading: Reading, into: T[], value: T): void {
  if (!isInvalid(reading)) into.push(value);
}

function addPolicy(reading: Reading, into: Collected, policy: CalicoPolicy): void {
  if (!isInvalid(reading)) into.policies.push(policy);
  else {
    const isUnresolved = reading.findings.some((finding) => finding.code === "POL001");
    into.absent.push({
      identity: reading.identity,
      position: reading.object.position,
      reason: isUnresolved ? "unresolved" : "invalid",
      findings: reading.findings,
    });
  }
}

function addOtherApi(reading: Reading, into: Collected): void {
  const { kind, name } = reading.identity;
  report(reading, "POL008", `${kind} ${name} is not translated`, undefined, {
    reason:
      "the network policy API of the cluster administrator is evaluated before and after all others, in tiers of its own",
    remedy:
      "Cilium 1.20 enforces ClusterNetworkPolicy v1alpha2 with k8sClusterNetworkPolicy.enabled=true: convert the object to that version, or write a CiliumClusterwideNetworkPolicy",
  });
  into.absent.push({
    identity: reading.identity,
    position: reading.object.position,
    reason: "other-api",
    findings: reading.findings,
  });
}

/** The tiers in use: given, built in, or named by a policy although they do not exist (POL011). */
function completeTiers(collected: Collected): readonly CalicoTier[] {
  const tiers = new Map<string, CalicoTier>();
  for (const tier of [...builtInTiers, ...collected.tiers]) tiers.set(tier.name, tier);
  const named = new Set(["default", ...collected.tiers.map((tier) => tier.name)]);
  for (const policy of collected.policies) {
    named.add(policy.tier);
    if (tiers.get(policy.tier)?.exists === true) continue;
    tiers.set(policy.tier, {
      name: policy.tier,
      order: Number.POSITIVE_INFINITY,
      defaultAction: "Deny",
      exists: false,
    });
    collected.findings.push({
      code: "POL011",
      severity: "warning",
      message: `${printIdentity(policy.identity)} is in the tier ${policy.tier}, which is not in the input`,
      where: { ...policy.position, object: printIdentity(policy.identity), field: "spec.tier" },
      reason:
        "Calico evaluates a tier that does not exist after all others, and drops at its end; before 3.29 it ignores the field",
      remedy: `give the Tier object ${policy.tier} beside the policy, or correct spec.tier`,
    });
  }
  return [...tiers.values()].filter((tier) => named.has(tier.name)).sort(compareTiers);
}

/** Existing tiers first, then by order, then by name. */
const compareTiers: (a: CalicoTier, b: CalicoTier) => number = byAll<CalicoTier>(
  (a, b) => Number(b.exists) - Number(a.exists),
  (a, b) => compareOrders(a.order, b.order),
  byText((tier) => tier.name),
);

function compareOrders(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function arrange(collected: Collected, tiers: readonly CalicoTier[]): CalicoPolicySet {
  const rank = new Map(tiers.map((tier, index) => [tier.name, index]));
  const byIdentity = byText((value: { readonly identity: ObjectIdentity }) => printIdentity(value.identity));
  return {
    tiers,
    policies: collected.policies.sort(
      byAll<CalicoPolicy>(
        (a, b) => (rank.get(a.tier) ?? 0) - (rank.get(b.tier) ?? 0),
        (a, b) => compareOrders(a.order, b.order),
        (a, b) => compareText(a.tieBreak, b.tieBreak),
      ),
    ),
    absent: collected.absent.sort(byIdentity),
    networkSets: collected.networkSets.sort(byIdentity),
    hostEndpoints: collected.hostEndpoints.sort(byIdentity),
    profiles: collected.profiles.sort(byText((profile) => profile.name)),
  };
}
