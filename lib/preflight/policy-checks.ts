import { type Finding, whereOf } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import { getArray, getIn } from "../core/json.ts";
import type { Inventory, RawObject } from "../inventory/inventory.ts";
import { objectsOf } from "../inventory/inventory.ts";
import type {
  CalicoEntity,
  CalicoHostEndpoint,
  CalicoPolicy,
  CalicoPolicySet,
  CalicoRule,
} from "../policy/calico/model.ts";
import { readCalicoPolicies } from "../policy/calico/read-calico-policies.ts";
import { matches } from "../policy/selector/match-selector.ts";
import { translationFindings } from "../policy/translate/findings.ts";
import { type CatalogueEntry, type Check, type PreflightContext, report, someOf } from "./catalogue-entry.ts";

const kubernetesPolicy = "NetworkPolicy.networking.k8s.io";
/** The profile that lets traffic through where no policy selects a host endpoint; automatic ones carry it. */
const defaultAllow = "projectcalico-default-allow";

function policiesOf(inventory: Inventory): readonly RawObject[] {
  return [
    "NetworkPolicy",
    "GlobalNetworkPolicy",
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
    "EgressFirewall",
  ].flatMap((kind) => objectsOf(inventory, kind));
}

function dormantFindings(context: PreflightContext, own: Check): Finding[] {
  if (context.source.facts.enforcedPolicyKinds.includes(kubernetesPolicy)) return [];
  const policies = objectsOf(context.inventory, "NetworkPolicy", "networking.k8s.io");
  const [first] = policies;
  if (first === undefined) return [];
  return [
    report(own, {
      message: `${context.source.source} enforces no NetworkPolicy, and ${policies.length} of them are in the cluster: ${someOf(policies.map(printIdentity))}`,
      where: whereOf(first, first.position),
      reason: "they decide nothing today and everything once Cilium runs: traffic that nobody ever denied stops",
      data: { policies: policies.map(printIdentity) },
    }),
  ];
}

function continuityFindings(context: PreflightContext, own: Check): Finding[] {
  const { continuity } = context.target;
  if (context.plan.spec.strategy !== "live" || continuity.effective === "exact" || continuity.effective === "bridge")
    return [];
  const enforced = context.source.facts.enforcedPolicyKinds.length > 0 ? policiesOf(context.inventory) : [];
  const [first] = enforced;
  if (first === undefined) return [];
  return [
    report(own, {
      message: `${context.source.source} enforces ${enforced.length} policies, and continuity ${continuity.effective} builds no bridge for them`,
      where: { file: context.plan.file, field: "spec.policies.continuity" },
      reason:
        "an old pod's policy that selects its peers by label no longer matches a migrated peer, whose packets arrive with a node's address: allowed traffic is dropped",
      related: enforced.slice(0, 5).map((policy) => ({
        message: `${printIdentity(policy)} is enforced today`,
        where: whereOf(policy, policy.position),
      })),
    }),
  ];
}

function calicoSet(inventory: Inventory): CalicoPolicySet | undefined {
  const kinds = ["HostEndpoint", "GlobalNetworkPolicy", "Tier", "GlobalNetworkSet"];
  return readCalicoPolicies(kinds.flatMap((kind) => objectsOf(inventory, kind))).value;
}

function selects(policy: CalicoPolicy, endpoint: CalicoHostEndpoint): boolean {
  const labels = new Map(Object.entries(endpoint.labels).map(([key, value]) => [`pod:${key}`, value]));
  return !policy.isStaged && policy.governs.ingress && matches(policy.appliesTo, labels);
}

function opensPort(rule: CalicoRule, port: number): boolean {
  if (rule.action !== "Allow" || (rule.protocol !== undefined && rule.protocol !== 17) || rule.notProtocol === 17)
    return false;
  return covers(rule.destination, port);
}

function covers({ ports, notPorts }: CalicoEntity, port: number): boolean {
  const has = (list: CalicoEntity["ports"]): boolean =>
    list?.some((one) => one.kind === "range" && one.from <= port && port <= one.to) === true;
  return (ports === undefined || has(ports)) && !has(notPorts);
}

function hostEndpointFindings(context: PreflightContext, own: Check): Finding[] {
  const set = calicoSet(context.inventory);
  const port = context.target.tunnelPort;
  return (set?.hostEndpoints ?? []).flatMap((endpoint) => {
    const policies = (set?.policies ?? []).filter((policy) => selects(policy, endpoint));
    if (policies.length === 0 && endpoint.profiles.includes(defaultAllow)) return [];
    if (policies.some((policy) => policy.ingress.some((rule) => opensPort(rule, port)))) return [];
    return [
      report(own, {
        message: `${printIdentity(endpoint.identity)} lets no UDP ${port} in: ${policies.length === 0 ? "no policy selects it, so all but the failsafe ports is closed" : `none of ${someOf(policies.map((policy) => printIdentity(policy.identity)))} allows it`}`,
        where: whereOf(endpoint.identity, endpoint.position),
        reason:
          "Felix filters the node's own traffic, and Cilium's overlay, health checks (TCP 4240, ICMP) and Hubble (TCP 4244) are that",
        data: { port, node: endpoint.node },
      }),
    ];
  });
}

function layerSevenFindings(context: PreflightContext, own: Check): Finding[] {
  const mesh = context.source.facts.companions.find((name) => name !== "multus");
  if (mesh === undefined) return [];
  const policies = objectsOf(context.inventory, "GlobalNetworkPolicy")
    .concat(objectsOf(context.inventory, "NetworkPolicy"))
    .filter((policy) =>
      ["ingress", "egress"].some((direction) =>
        getArray(policy.object, "spec", direction).some((rule) => getIn(rule, "http") !== undefined),
      ),
    );
  return policies.map((policy) =>
    report(own, {
      message: `${printIdentity(policy)} has HTTP rules, and ${mesh} encrypts or redirects the traffic before Cilium sees it`,
      where: whereOf(policy, policy.position, "spec"),
      reason:
        "Cilium's proxy reads HTTP only where it sees it in the clear; between sidecars it sees TLS, and the rule never matches",
    }),
  );
}

/** What network policy does today and will do. */
export const policyChecks: readonly CatalogueEntry[] = [
  {
    kind: "check",
    id: "np-dormant",
    severity: "error",
    reads: "NetworkPolicies, which kinds the source enforces",
    condition: "NetworkPolicies exist and the source enforces none",
    remedy:
      "read them; delete what nobody means, rehearse the rest with spec.policies.continuity: audit, and accept this finding in the plan when that is done",
    source: "flannel-io/flannel: flannel enforces no policy; cilium/cilium v1.20.2 enforces NetworkPolicies by default",
    check: dormantFindings,
  },
  {
    kind: "check",
    id: "np-present-live",
    severity: "error",
    reads: "policies, which kinds the source enforces, continuity",
    condition: "the source enforces policies and nothing bridges them while both networks run",
    remedy: "set spec.policies.continuity: exact (or bridge)",
    source: "lab pilot of metachron: without a bridge no new pod reached an old one whose policy selects by label",
    check: continuityFindings,
  },
  {
    kind: "answered",
    id: "np-untranslated",
    severity: "error",
    reads: "the translation",
    condition: "a policy is not translated exactly",
    answeredBy: Object.entries(translationFindings)
      .filter(([, kind]) => kind.severity === "error")
      .map(([code]) => code),
    source: "metachron, policy translation",
  },
  {
    kind: "answered",
    id: "continuity",
    severity: "warning",
    reads: "datastore, dataplane, prefixes of the source",
    condition: "the continuity that the plan asks for cannot be had",
    answeredBy: ["target/continuity-downgraded", "target/continuity-not-measured"],
    source: "lab pilot of metachron",
  },
  {
    kind: "settled",
    id: "np-node-selectors",
    reads: "the translated policies",
    condition: "a policy that selects nodes would be invalid",
    settledBy: ["nodeSelectorLabels"],
    source: "cilium/cilium v1.20.2 pkg/policy/api/rule_validation.go ErrFromToNodesRequiresNodeSelectorOption",
  },
  {
    kind: "check",
    id: "np-node-labels",
    severity: "info",
    reads: "nodeSelectorLabels and nodeLabels of the values, labels of nodes",
    condition: "policies select nodes, and every label of a node becomes part of its identity",
    remedy:
      "name the labels that policies use in spec.target.values: nodeLabels: k8s:kubernetes.io/hostname k8s:<label> …",
    source: "cilium/cilium v1.20.2 install/kubernetes/cilium/values.yaml nodeLabels",
    check: ({ inventory, target }, own) => {
      const { nodeSelectorLabels, nodeLabels } = target.migration.values;
      if (nodeSelectorLabels !== true || nodeLabels !== undefined) return [];
      return [
        report(own, {
          message: `every label of ${inventory.nodes.length} nodes becomes part of an identity, because nodeLabels is not set`,
          reason:
            "each node then has an identity of its own, which changes whenever any label of it does (a reboot daemon's, a wave's)",
        }),
      ];
    },
  },
  {
    kind: "settled",
    id: "np-bypass",
    reads: "–",
    condition: "Cilium's iptables chains would bypass the source's policy after an agent's start",
    settledBy: ["extraConfig.prepend-iptables-chains"],
    source: "lab pilot of metachron, Felix bypass",
  },
  {
    kind: "check",
    id: "port-calico-hep",
    severity: "error",
    reads: "HostEndpoints, GlobalNetworkPolicies, the overlay's port",
    condition: "a host endpoint drops Cilium's overlay",
    remedy:
      "allow UDP on the overlay's port, TCP 4240, TCP 4244 and ICMP between the nodes in a GlobalNetworkPolicy that selects them, before 010-cilium is opened",
    source: "projectcalico/calico, Protect hosts: default behaviour of a host endpoint, failsafe ports",
    check: hostEndpointFindings,
  },
  {
    kind: "check",
    id: "np-l7-mesh",
    severity: "warning",
    reads: "HTTP rules of Calico policies, service meshes",
    condition: "HTTP rules meet a service mesh",
    remedy: "move the rule to the mesh's own authorisation policy",
    source: "cilium/cilium v1.20.2 Documentation/network/servicemesh/istio.rst",
    check: layerSevenFindings,
  },
];
