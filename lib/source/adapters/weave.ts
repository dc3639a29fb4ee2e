import { type Finding, whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import { buildFacts } from "../build-facts.ts";
import type { ClusterView } from "../cluster-view.ts";
import { sourceFinding } from "../findings.ts";
import { isImage } from "../images.ts";
import { installationOf } from "../installation.ts";
import { claim } from "../kubernetes-network.ts";
import { accountsOf, type KnownObject, known, ofWorkloads, planRemoval, rolesOf } from "../removal.ts";
import type { LiveSupport, NodeLeftovers, SourceFacts, SourcePreparation } from "../source.ts";
import { findAgents, type SourceAdapter } from "../source-adapter.ts";
import { isRunning, readVariable, versionOfImage, type Workload } from "../workload.ts";

/** Weave Net and its forks; the project has ended. */
export const weave: SourceAdapter = {
  name: "weave",
  signals: {
    isAgent: isWeaveAgent,
    nodeAnnotations: () => [],
    podAnnotations: [],
    configMaps: ["weave-net"],
    resources: [],
    definitionGroups: [],
    claims: (view) => view.daemonSets.filter((one) => isWeaveAgent(one) && isRunning(one)).flatMap(claimsOf),
  },
  facts: (view) => ({ facts: combine(view), findings: [] }),
  live: decideLive,
  findings: findHazards,
  switchedOffFilter: (facts) => (facts.enforcedPolicyKinds.length > 0 ? controller : undefined),
  preparation: planPreparation,
  removal: (view) => planRemoval(view, removalTable(findAgents(weave.signals, view))),
  leftovers,
};

function isWeaveAgent(workload: Workload): boolean {
  if (!workload.isHostNetwork) return false;
  return workload.name === "weave-net" || workload.containers.some((one) => isImage(one.image, /(?:^|\/)weave-kube$/u));
}

// The whole range is Weave's own: nodes claim parts of it as they need them. Default: weave prog/weave-kube/launch.sh.
function claimsOf(agent: Workload) {
  return claim(readVariable(agent, "IPALLOC_RANGE") ?? "10.32.0.0/12", printIdentity(agent), "env IPALLOC_RANGE");
}

const hasController = (agents: readonly Workload[]): boolean =>
  agents.some((agent) =>
    agent.containers.some((one) => one.name === "weave-npc" || isImage(one.image, /(?:^|\/)weave-npc$/u)),
  ) && agents.every((agent) => readVariable(agent, "EXPECT_NPC") !== "0");

function combine(view: ClusterView): SourceFacts {
  const agents = findAgents(weave.signals, view);
  const [agent] = agents;
  const hasFastPath = readVariable(agent, "WEAVE_NO_FASTDP") === undefined;
  const mtu = Number(readVariable(agent, "WEAVE_MTU") ?? Number.NaN);
  const port = Number(readVariable(agent, "WEAVE_PORT") ?? "6783");
  const image = agent?.containers.find((one) => isImage(one.image, /(?:^|\/)weave-kube$/u))?.image ?? "";
  const version = versionOfImage(image);
  return buildFacts(view, {
    agents,
    claims: agents.flatMap(claimsOf),
    usesNodeCIDRs: false,
    // The fast datapath is VXLAN on the port above the control port; without it packets are wrapped in user space.
    encapsulation: hasFastPath ? "vxlan" : "udp",
    tunnelPort: hasFastPath ? port + 1 : port,
    ...(Number.isInteger(mtu) && { mtu }),
    ...(version !== undefined && { version }),
    dataplane: "iptables",
    installation: installationOf(view, agents),
    enforcedPolicyKinds: hasController(agents) ? ["NetworkPolicy.networking.k8s.io"] : [],
    devices: ["datapath", `vxlan-${port + 1}`, "vethwe-+", "vethwepl+", "weave"],
    cniConfFile: "10-weave.conflist",
    cniNetworkName: "weave",
    details: { encryption: readVariable(agent, "WEAVE_PASSWORD") === undefined ? undefined : "on" },
  });
}

const controller = "Weave's policy controller";

function decideLive(_view: ClusterView, facts: SourceFacts): LiveSupport {
  const conditions = [
    "prove it in a lab first: routes and rules say that it works, nobody has published a live move off Weave",
  ];
  if (facts.enforcedPolicyKinds.length > 0)
    conditions.push(
      "WEAVE-NPC drops what it does not know: switch the policy controller off (EXPECT_NPC=0 and no weave-npc container) before the first wave",
    );
  return { kind: "conditional", conditions };
}

function findHazards(view: ClusterView): readonly Finding[] {
  const [agent] = findAgents(weave.signals, view);
  return [
    sourceFinding("source/ended-project", {
      message: "Weave Net is not maintained any more (last commit November 2022)",
      ...(agent !== undefined && { where: whereOf(agent, agent.position) }),
      reason: "it gets no fixes for newer kernels and Kubernetes releases",
      remedy: "do not put the migration off",
    }),
  ];
}

function planPreparation(view: ClusterView, facts: SourceFacts): readonly SourcePreparation[] {
  const [agent] = findAgents(weave.signals, view);
  if (agent === undefined || facts.enforcedPolicyKinds.length === 0) return [];
  const place = `${agent.namespace} daemonset/${agent.name}`;
  return [
    {
      title: `Switch off ${controller}`,
      why: "WEAVE-NPC drops traffic to local pods from sources that it does not know, and Cilium's pods are such",
      commands: [
        `kubectl set env -n ${place} -c weave EXPECT_NPC=0`,
        `kubectl patch -n ${place} --type strategic -p '{"spec":{"template":{"spec":{"containers":[{"name":"weave-npc","$patch":"delete"}]}}}}'`,
        `kubectl rollout status -n ${place}`,
      ],
      before: "install",
      necessity: "required",
      undo: ["# apply Weave's manifest again"],
    },
  ];
}

function removalTable(agents: readonly Workload[]): readonly KnownObject[] {
  const namespace = agents[0]?.namespace ?? "kube-system";
  const only = "only Weave used it";
  return [
    ...ofWorkloads(agents, "agents", "Weave's agents"),
    known("agents", "DaemonSet", "weave-net", namespace, "Weave's agents"),
    ...rolesOf(["weave-net"], only),
    known("access", "RoleBinding", "weave-net", namespace, only),
    known("access", "Role", "weave-net", namespace, only),
    ...accountsOf(["weave-net"], namespace, only),
    known("configuration", "ConfigMap", "weave-net", namespace, "Weave kept its list of peers in it"),
  ];
}

function leftovers(_view: ClusterView, facts: SourceFacts): NodeLeftovers {
  return {
    devices: facts.devices,
    iptablesChainPrefixes: ["WEAVE"],
    iptablesRuleTags: [],
    nftTables: [],
    ipsetPrefixes: ["weave-"],
    files: [
      `${facts.cniConfDirectory}/10-weave.conflist`,
      `${facts.cniConfDirectory}/10-weave.conflist.cilium_bak`,
      `${facts.cniConfDirectory}/10-weave.conf`,
      `${facts.cniBinDirectory}/weave-ipam`,
      `${facts.cniBinDirectory}/weave-net`,
      "/var/lib/weave",
    ],
    nodeAnnotationPrefixes: [],
    portmapNetworks: ["weave"],
  };
}
