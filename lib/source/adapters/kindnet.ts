import { printIdentity } from "../../core/identity.ts";
import { buildFacts } from "../build-facts.ts";
import type { ClusterView } from "../cluster-view.ts";
import { kopsNetworking } from "../distribution-preparation.ts";
import { isImage } from "../images.ts";
import { installationOf } from "../installation.ts";
import { claim } from "../kubernetes-network.ts";
import { accountsOf, known, ofWorkloads, planRemoval, rolesOf } from "../removal.ts";
import type { NodeLeftovers, SourceFacts } from "../source.ts";
import { findAgents, type SourceAdapter } from "../source-adapter.ts";
import { readVariable, readWorkloadFlag, type Workload } from "../workload.ts";

const kindnetImage = /(?:^|\/)(?:kindest\/kindnetd|kindnetd|networking\/kindnet|aojea\/kindnet(?:d)?)$/u;

/** kindnet: kind's own network, or the stand-alone project that kOps installs. */
export const kindnet: SourceAdapter = {
  name: "kindnet",
  signals: {
    isAgent: isKindnet,
    nodeAnnotations: () => [],
    podAnnotations: [],
    configMaps: [],
    resources: [],
    definitionGroups: [],
    claims: (view) =>
      view.daemonSets
        .filter(isKindnet)
        .flatMap((agent) => claim(readVariable(agent, "POD_SUBNET"), printIdentity(agent), "env POD_SUBNET")),
  },
  facts: (view) => ({ facts: combine(view), findings: [] }),
  live: () => ({ kind: "supported" }),
  findings: () => [],
  preparation: (_view, facts) => (facts.installation === "kops" ? [kopsNetworking("kindnet")] : []),
  removal: (view) => {
    const agents = findAgents(kindnet.signals, view);
    const namespace = agents[0]?.namespace ?? "kube-system";
    const only = "only kindnet used it";
    return planRemoval(view, [
      ...ofWorkloads(agents, "agents", "kindnet's agents"),
      known("agents", "DaemonSet", "kindnet", namespace, "kindnet's agents"),
      ...rolesOf(["kindnet"], only),
      ...accountsOf(["kindnet"], namespace, only),
    ]);
  },
  leftovers,
};

function isKindnet(workload: Workload): boolean {
  if (!workload.isHostNetwork) return false;
  return workload.name === "kindnet" || workload.containers.some((one) => isImage(one.image, kindnetImage));
}

function combine(view: ClusterView): SourceFacts {
  const agents = findAgents(kindnet.signals, view);
  return buildFacts(view, {
    agents,
    claims: kindnet.signals.claims(view),
    usesNodeCIDRs: true,
    encapsulation: "none",
    dataplane: "nftables",
    installation: installationOf(view, agents),
    enforcedPolicyKinds: enforcesPolicy(agents) ? ["NetworkPolicy.networking.k8s.io"] : [],
    devices: ["knet+", "veth+"],
    cniConfFile: "10-kindnet.conflist",
    cniNetworkName: "kindnet",
    details: {
      image: agents[0]?.containers[0]?.image,
      masquerade: readWorkloadFlag(agents[0], "masquerading"),
    },
  });
}

// kind's build enforces policy since v20240813 (kind v0.24); the stand-alone project does unless told not to.
function enforcesPolicy(agents: readonly Workload[]): boolean {
  return agents.some((agent) =>
    agent.containers.some((container) => {
      const date = /kindnetd:v(\d{8})/u.exec(container.image)?.[1];
      if (date !== undefined) return Number(date) >= 20240813;
      return (
        isImage(container.image, /(?:^|\/)(?:networking|aojea)\/kindnet(?:d)?$/u) &&
        readWorkloadFlag(agent, "network-policy") !== "false"
      );
    }),
  );
}

function leftovers(_view: ClusterView, facts: SourceFacts): NodeLeftovers {
  return {
    devices: [],
    iptablesChainPrefixes: ["KIND-MASQ-AGENT"],
    iptablesRuleTags: ["kind-masq-agent"],
    nftTables: ["kindnet-network-policies", "kindnet-ipmasq"],
    ipsetPrefixes: [],
    files: [
      `${facts.cniConfDirectory}/10-kindnet.conflist`,
      `${facts.cniConfDirectory}/10-kindnet.conflist.cilium_bak`,
      "/var/lib/cni/networks/kindnet",
      "/var/lib/cni-kindnet",
    ],
    nodeAnnotationPrefixes: [],
    portmapNetworks: ["kindnet"],
  };
}
