import { type Finding, whereOf } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import { getArray, getString, type JsonObject } from "../core/json.ts";
import { objectsOf } from "../inventory/inventory.ts";
import type { ClusterView } from "./cluster-view.ts";
import { sourceFinding } from "./findings.ts";
import { isKubeRouter, kubeRouterRole } from "./kube-router-config.ts";
import { findPolicyEngines } from "./policy-engines.ts";
import type { LiveSupport, SourceFacts, SourcePreparation } from "./source.ts";
import type { Workload } from "./workload.ts";

/** A policy controller that filters by pod address in the host's stack, and so filters Cilium's pods as well. */
interface PolicyFilter {
  readonly name: "k3s" | "kube-router" | "kube-network-policies" | "kindnet";
  readonly agent?: Workload;
}

/**
 * The controllers that filter every pod of a node by its address, whichever network connects it, while NetworkPolicies
 * exist. Felix is not one of them: it filters its own devices only.
 */
export function findPolicyFilters(view: ClusterView, facts: SourceFacts): readonly PolicyFilter[] {
  if (objectsOf(view.inventory, "NetworkPolicy", "networking.k8s.io").length === 0) return [];
  const filters: PolicyFilter[] = findPolicyEngines(view).flatMap((engine) => {
    if (!facts.policyEngines.includes(engine.name) || engine.name === "calico" || engine.name === "antrea") return [];
    const [agent] = engine.agents;
    return [{ name: engine.name, ...(agent !== undefined && { agent }) }];
  });
  const own = view.daemonSets.filter((one) => facts.daemonSets.includes(`${one.namespace}/${one.name}`));
  const router = own.find((one) => isKubeRouter(one) && kubeRouterRole(one).filters);
  const kindnet = own.find((one) => one.name === "kindnet" && facts.enforcedPolicyKinds.length > 0);
  return [
    ...filters,
    ...(router === undefined ? [] : [{ name: "kube-router" as const, agent: router }]),
    ...(kindnet === undefined ? [] : [{ name: "kindnet" as const, agent: kindnet }]),
  ];
}

/** The answer about a live migration, with the condition that each filter makes. */
export function withFilterConditions(live: LiveSupport, filters: readonly PolicyFilter[]): LiveSupport {
  if (filters.length === 0 || live.kind === "refused") return live;
  const own = live.kind === "conditional" ? live.conditions : [];
  const conditions = filters.map(
    (filter) =>
      `${titleOf(filter)} filters the forwarded packets of Cilium's pods too: switch it off before the first wave; from then on a pod is under policy again when its own wave has moved it`,
  );
  return { kind: "conditional", conditions: [...own, ...conditions] };
}

/** A controller in words. */
export function titleOf(filter: PolicyFilter): string {
  return filter.name === "k3s" ? "k3s' embedded policy controller" : `the policy controller of ${filter.name}`;
}

/** One warning for each filter. */
export function filterFindings(view: ClusterView, filters: readonly PolicyFilter[]): readonly Finding[] {
  return filters.map((filter) => {
    const place =
      filter.agent ?? view.inventory.nodes.find((node) => node.annotations["k3s.io/node-args"] !== undefined);
    return sourceFinding("source/policy-controller", {
      message: `${filter.agent === undefined ? titleOf(filter) : printIdentity(filter.agent)} filters the packets of Cilium's pods as well`,
      ...(place !== undefined && { where: whereOf(place, place.position) }),
      reason:
        "it decides by pod address in the host's stack on every node; traffic of migrated pods crosses that stack in one direction only, so it sees half of each connection",
      remedy: remedies[filter.name],
    });
  });
}

const remedies: Readonly<Record<PolicyFilter["name"], string>> = {
  k3s: "set disable-network-policy: true in /etc/rancher/k3s/config.yaml of every server and restart them one by one",
  "kube-router": "set --run-firewall=false before the first wave, when the translated policies are in place",
  "kube-network-policies":
    "remove it (Helm value netpol.enabled: false) before the first wave, when the translated policies are in place",
  kindnet:
    "set --network-policy=false where the build has it; kind's own build has no switch: make the test cluster anew with disableDefaultCNI",
};

/** What switches a filter off, where a step can: required before Cilium is installed. */
export function filterPreparation(filters: readonly PolicyFilter[]): readonly SourcePreparation[] {
  return filters.flatMap((filter) => {
    if (filter.name === "k3s") return [k3sOff];
    if (filter.name === "kube-router" && filter.agent !== undefined) return [kubeRouterOff(filter.agent)];
    return [{ ...base(filter), commands: [`# ${remedies[filter.name]}`], undo: ["# set it back"] }];
  });
}

function base(filter: PolicyFilter) {
  return {
    title: `Switch off ${titleOf(filter)}`,
    why: "it filters the forwarded packets of Cilium's pods as well and sees one direction of them only",
    before: "install",
    necessity: "required",
  } as const;
}

// Source: k3s docs, networking services, network policy controller.
const k3sOff: SourcePreparation = {
  ...base({ name: "k3s" }),
  commands: [
    "# on every server, add to /etc/rancher/k3s/config.yaml: disable-network-policy: true",
    "# restart the servers one by one, then the agents: systemctl restart k3s (k3s-agent on agents)",
    "# on every node, remove what it left: iptables-save | grep -v KUBE-ROUTER | iptables-restore (and ip6tables)",
  ],
  undo: ["# remove the line and restart k3s the same way"],
};

function kubeRouterOff(agent: Workload): SourcePreparation {
  const place = `${agent.namespace} daemonset/${agent.name}`;
  const object = firewallOff(agent);
  return {
    ...base({ name: "kube-router", agent }),
    ...(object !== undefined && { object }),
    commands: [
      `kubectl edit -n ${place} # set --run-firewall=false in the arguments of container kube-router`,
      `kubectl rollout status -n ${place}`,
      "# on every node, flush KUBE-ROUTER-INPUT, KUBE-ROUTER-FORWARD and KUBE-ROUTER-OUTPUT (not kube-router --cleanup-config: it removes the service proxy too)",
    ],
    undo: [`kubectl edit -n ${place} # set --run-firewall=true again`],
  };
}

// Arguments are one list to server-side apply, so the whole list is written out.
function firewallOff(agent: Workload): JsonObject | undefined {
  const containers = getArray(agent.object?.object, "spec", "template", "spec", "containers");
  const container = containers.find((one) => getString(one, "name") === "kube-router");
  const args = getArray(container, "args").filter((word): word is string => typeof word === "string");
  if (args.length === 0) return undefined;
  const others = args.filter((word) => !/^--?run-firewall(?:=|$)/u.test(word));
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { namespace: agent.namespace, name: agent.name },
    spec: { template: { spec: { containers: [{ name: "kube-router", args: [...others, "--run-firewall=false"] }] } } },
  };
}
