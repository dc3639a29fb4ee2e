import { type Finding, whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import { buildFacts } from "../build-facts.ts";
import type { ClusterView } from "../cluster-view.ts";
import { sourceFinding } from "../findings.ts";
import { isImage } from "../images.ts";
import { enginesOf, findPolicyEngines } from "../policy-engines.ts";
import { planRemoval } from "../removal.ts";
import type { SourceAdapter } from "../source-adapter.ts";
import { hostDirectory, isRunning, type Workload } from "../workload.ts";

/** No network that we know: facts as far as Kubernetes tells them, nothing planned, and what to send us. */
export const unknown: SourceAdapter = {
  name: "unknown",
  signals: {
    isAgent: () => false,
    nodeAnnotations: () => [],
    podAnnotations: [],
    configMaps: [],
    resources: [],
    definitionGroups: [],
    claims: () => [],
  },
  facts: (view) => {
    const engines = enginesOf(view);
    const likely = findLikelyNetworks(view)[0];
    const facts = buildFacts(view, {
      agents: likely === undefined ? [] : [likely.workload],
      claims: [],
      usesNodeCIDRs: true,
      encapsulation: "unknown",
      enforcedPolicyKinds: engines.kinds,
      policyEngines: engines.names,
      devices: [],
      details: { looksLike: likely?.product },
    });
    return { facts, findings: [] };
  },
  live: () => ({
    kind: "refused",
    reason: "the network is not known, so nothing about it can be promised",
    alternatives: ["name it in the plan (source:) if you know it", "blue-green", "in-place"],
  }),
  findings: (view) => [unknownFinding(view)],
  preparation: () => [],
  removal: (view) => planRemoval(view, []),
  leftovers: () => ({
    devices: [],
    iptablesChainPrefixes: [],
    iptablesRuleTags: [],
    nftTables: [],
    ipsetPrefixes: [],
    files: [],
    nodeAnnotationPrefixes: [],
    portmapNetworks: [],
  }),
};

/** A DaemonSet that looks like a network. */
interface LikelyNetwork {
  readonly workload: Workload;
  /** The product's name when we know it, and have no adapter for it. */
  readonly product?: string;
}

const products: readonly { readonly product: string; readonly names: RegExp; readonly images: RegExp }[] = [
  { product: "Kube-OVN", names: /^kube-ovn-cni$/u, images: /(?:^|\/)kube-ovn$/u },
  { product: "Coil", names: /^coild?$/u, images: /(?:^|\/)coil$/u },
  { product: "kopeio networking", names: /^kopeio-networking-agent$/u, images: /kopeio\/networking-agent$/u },
  { product: "Terway", names: /^terway(?:-eniip|-eni)?$/u, images: /(?:^|\/)terway$/u },
  { product: "NSX Container Plugin", names: /^nsx-node-agent$/u, images: /(?:^|\/)nsx-ncp(?:-ubi|-ubuntu)?$/u },
  { product: "Tungsten Fabric", names: /^contrail-/u, images: /contrail-vrouter/u },
  { product: "Romana", names: /^romana-agent$/u, images: /romana\/agent$/u },
  { product: "Spiderpool", names: /^spiderpool-agent$/u, images: /spiderpool-agent$/u },
  { product: "OCI VCN-native networking", names: /^vcn-native-ip-cni$/u, images: /vcn-native-ip-cni/u },
];

const ownCompanions = /^(?:kube-multus-ds.*|multus|istio-cni-node|linkerd-cni|ztunnel)$/u;

function findLikelyNetworks(view: ClusterView): readonly LikelyNetwork[] {
  const engines = new Set(
    findPolicyEngines(view).flatMap((engine) => engine.agents.map((agent) => printIdentity(agent))),
  );
  return view.daemonSets
    .filter((workload) => workload.isHostNetwork && isRunning(workload) && !ownCompanions.test(workload.name))
    .filter((workload) => !engines.has(printIdentity(workload)))
    .flatMap((workload) => {
      const product = products.find(
        (one) =>
          one.names.test(workload.name) ||
          workload.containers.some((container) => isImage(container.image, one.images)),
      )?.product;
      const writesCni = hostDirectory(workload, ["/host/etc/cni/net.d", "/etc/cni/net.d"]) !== undefined;
      if (product === undefined && !writesCni) return [];
      return [{ workload, ...(product !== undefined && { product }) }];
    });
}

function unknownFinding(view: ClusterView): Finding {
  const likely = findLikelyNetworks(view);
  const [first] = likely;
  const names = likely.map((one) =>
    one.product === undefined ? printIdentity(one.workload) : `${printIdentity(one.workload)} (${one.product})`,
  );
  const seen = view.inventory.kindsSeen;
  const missing = ["Node", "Pod", "DaemonSet", "ConfigMap", "CustomResourceDefinition"].filter(
    (kind) => !seen.has(kind),
  );
  const looks = names.length === 0 ? "" : `; ${names.join(", ")} looks like one`;
  return sourceFinding("source/unknown", {
    message: `no network that we know runs in this cluster${looks}`,
    ...(first !== undefined && { where: whereOf(first.workload, first.workload.position) }),
    reason:
      missing.length === 0
        ? "detection reads DaemonSets, node and pod annotations, pod addresses, ConfigMaps and custom resources, and none of them speaks for a known network"
        : `the inventory holds no ${missing.join(", no ")}, so the answer may only be missing`,
    remedy:
      missing.length === 0
        ? "if you know the network, name it in the plan (source:); otherwise send us kubectl get nodes,daemonsets,configmaps,customresourcedefinitions -A -o yaml without secrets, and ls /etc/cni/net.d of one node"
        : `add the output of: kubectl get ${missing.map((kind) => `${kind.toLowerCase()}s`).join(",")} -A -o yaml`,
    data: { candidates: names, missingKinds: missing },
  });
}
