import type { Plan } from "../../lib/plan/plan.ts";
import type { BridgeInput } from "../../lib/roll/bridge-objects.ts";
import type { CleanInput, RemovalInput } from "../../lib/roll/removal-objects.ts";
import type { RollContext } from "../../lib/roll/roll-context.ts";
import type { WaveInput } from "../../lib/roll/wave-objects.ts";
import type { SourceFacts } from "../../lib/source/source.ts";
import { nodeBatch, nodeBatchUndo } from "../../lib/target/node-config.ts";
import type { Wave } from "../../lib/waves/waves.ts";

const digest = (sign: string): string => `sha256:${sign.repeat(64)}`;

/** The part of a plan that the roll reads. */
export const samplePlan: Plan = {
  name: "sample",
  file: "plans/sample.yaml",
  spec: {
    inventory: "../inventory/sample",
    source: "auto",
    target: {
      cni: "cilium",
      version: "1.20.2",
      podCIDRs: ["10.245.0.0/16"],
      devices: [],
      kubeProxyReplacement: false,
      values: {},
      chart: { source: "https", repository: "https://helm.cilium.io" },
    },
    strategy: "live",
    reservedCIDRs: [],
    waves: {
      canary: { nodes: 1, from: {} },
      groups: [{ size: 2 }],
      exclude: undefined,
      budget: { maxUnavailable: 1, acrossZones: false },
      soakSeconds: 60,
    },
    roll: {
      executor: "job",
      mode: "evict",
      image: `registry.example/kubectl:v1.36.3@${digest("1")}`,
      probeImage: `registry.example/agnhost:2.53@${digest("2")}`,
      drainTimeoutSeconds: 1200,
      deleteEmptyDirData: true,
      deleteBarePods: false,
      serviceLevelGates: [],
    },
    policies: { continuity: "exact", accept: [], probes: true },
    newNodes: "cilium",
    delivery: {
      engines: ["argocd", "flux"],
      repoURL: "https://git.example/platform.git",
      revision: "main",
      path: "dist",
      argocd: { namespace: "argocd", pinning: "commit" },
      flux: { namespace: "flux-system" },
    },
    observability: { goldpinger: false, hubble: true },
    preflight: { accept: [] },
  },
  stages: {},
};

/** A Canal cluster as the source adapters describe it. */
const canalFacts: SourceFacts = {
  podCIDRs: ["10.244.0.0/16"],
  serviceCIDRs: ["10.96.0.0/12"],
  families: [4],
  encapsulation: "vxlan",
  tunnelPort: 8472,
  vni: 1,
  installation: "manifest",
  dataplane: "iptables",
  datastore: "kubernetes",
  serviceProxy: { kind: "kube-proxy", mode: "iptables" },
  enforcedPolicyKinds: ["GlobalNetworkPolicy.projectcalico.org", "NetworkPolicy.networking.k8s.io"],
  policyEngines: ["kube-system/canal"],
  devices: ["flannel.1", "cali+"],
  cniConfDirectory: "/etc/cni/net.d",
  cniBinDirectory: "/opt/cni/bin",
  cniConfFile: "10-canal.conflist",
  daemonSets: ["kube-system/canal"],
  companions: [],
  details: {},
};

export const sampleContext: RollContext = {
  plan: samplePlan,
  facts: canalFacts,
  continuity: "exact",
  podCIDRs: ["10.245.0.0/16"],
  ciliumNamespace: "kube-system",
  ciliumImage: "quay.io/cilium/cilium:v1.20.2",
};

/** A wave of two workers; the second one's hostname label differs from its name. */
export const sampleWave: Wave = {
  id: "110-general-a",
  title: "general, zone a",
  group: "general",
  mode: "evict",
  nodes: ["worker-1", "worker-2"].map((name) => ({
    name,
    hostname: name === "worker-2" ? "ip-10-0-0-2" : name,
    pool: "general",
    isControlPlane: false,
    wasUnschedulable: false,
    podsToMove: 3,
    daemonSetPods: 1,
    barePods: [],
    localStoragePods: [],
    hostPorts: [],
  })),
  workloads: [],
  estimateSeconds: 900,
  zones: [],
  rule: "pool general, 2 at a time",
  isLocked: false,
};

const hostnames = sampleWave.nodes.map((node) => node.hostname);

/** Everything that `waveObjects` takes; the undo input differs in the node configuration. */
export const sampleInput: WaveInput = {
  context: sampleContext,
  stage: { id: sampleWave.id, attempt: 1, previous: { id: "100-canary", digest: digest("c") } },
  wave: sampleWave,
  nodeConfig: nodeBatch(sampleWave.id, hostnames, {
    "write-cni-conf-when-ready": "/host/etc/cni/net.d/05-cilium.conflist",
  }),
};

export const sampleUndoInput: WaveInput = { ...sampleInput, nodeConfig: nodeBatchUndo(sampleWave.id, hostnames) };

const previous = { id: "100-canary", digest: digest("c") };

export const sampleBridge: BridgeInput = {
  context: sampleContext,
  stageId: "020-bridge",
  source: { source: "canal", facts: canalFacts },
  sourcePrefixes: ["10.244.0.0/16"],
};

const calico = { apiVersion: "crd.projectcalico.org/v1" };

/** The removal of a Canal of a few objects, one of every kind of rights. */
export const sampleRemoval: RemovalInput = {
  context: sampleContext,
  stage: { id: "900-remove-canal", attempt: 1, previous },
  nodes: ["worker-1", "worker-2"],
  bridgePolicies: [{ apiVersion: "cilium.io/v2", kind: "CiliumClusterwideNetworkPolicy", name: "metachron-bridge" }],
  mirrors: [{ ...calico, kind: "GlobalNetworkPolicy", name: "metachron-mirror-egress" }],
  removal: [
    { ...calico, kind: "GlobalNetworkPolicy", name: "deny-rest", step: "policies", from: "inventory", why: "" },
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      namespace: "kube-system",
      name: "canal",
      step: "agents",
      from: "inventory",
      why: "",
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      name: "canal",
      step: "access",
      from: "manifest",
      why: "",
    },
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      namespace: "kube-system",
      name: "canal-config",
      step: "configuration",
      from: "manifest",
      why: "",
    },
    {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      name: "felixconfigurations.crd.projectcalico.org",
      step: "definitions",
      from: "inventory",
      waitUntilGone: true,
      why: "",
    },
  ],
};

export const sampleClean: CleanInput = {
  context: sampleContext,
  stage: { id: "910-clean-nodes", attempt: 1, previous },
  nodes: ["worker-1", "worker-2"],
  leftovers: {
    devices: ["flannel.1", "cali+"],
    iptablesChainPrefixes: ["cali-", "FLANNEL-"],
    iptablesRuleTags: ["cali:", "flanneld forward", "flanneld masq"],
    nftTables: [],
    ipsetPrefixes: ["cali4", "cali6"],
    files: ["/etc/cni/net.d/10-canal.conflist.cilium_bak", "/run/flannel"],
    nodeAnnotationPrefixes: ["flannel.alpha.coreos.com/", "projectcalico.org/"],
    portmapNetworks: ["k8s-pod-network"],
  },
};
