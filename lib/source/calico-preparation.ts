import { getIn } from "../core/json.ts";
import type { RawObject } from "../inventory/inventory.ts";
import type { CalicoConfig } from "./calico-config.ts";
import { autodetectionFindings } from "./calico-hazards.ts";
import { kopsNetworking, rke2CniNone } from "./distribution-preparation.ts";
import type { SourceFacts, SourcePreparation } from "./source.ts";
import { readVariable, type Workload } from "./workload.ts";

const why =
  "Calico's default autodetection does not leave out cilium_host; a node that announces that address turns NotReady (cilium/cilium issue 31273)";

/**
 * What has to change at Calico before Cilium is installed beside it, and before Calico is removed: address
 * autodetection, and the distribution that would bring Calico back.
 *
 * The change rolls calico-node over all nodes, one by one by its update strategy; pods keep their connections.
 */
export function planCalicoPreparation(config: CalicoConfig, facts: SourceFacts): readonly SourcePreparation[] {
  const families = autodetectionFindings(config)
    .filter((finding) => finding.severity === "error")
    .flatMap((finding) => (finding.data?.["family"] === 6 ? [6 as const] : [4 as const]));
  const autodetection = families.length === 0 ? [] : [pinAutodetection(config, facts, families)];
  return [...autodetection, ...ownersOff(facts)];
}

function pinAutodetection(config: CalicoConfig, facts: SourceFacts, families: readonly (4 | 6)[]): SourcePreparation {
  const base = {
    title: "Pin Calico's address autodetection to the node's InternalIP",
    why,
    before: "install",
    necessity: "required",
  } as const;
  if (config.installation !== undefined)
    return {
      ...base,
      object: installationPatch(families),
      commands: operatorCommands(facts),
      undo: families.map((family) => operatorUndo(config.installation, family)),
    };
  const variables = families.map((family) => (family === 4 ? "IP_AUTODETECTION_METHOD" : "IP6_AUTODETECTION_METHOD"));
  const agent = config.agents[0];
  const place = `${agent?.namespace ?? "kube-system"} daemonset/${agent?.name ?? "calico-node"}`;
  const commands = manifestCommands(facts, variables, place);
  return {
    ...base,
    ...(facts.installation === "manifest" && {
      object: daemonSetPatch(agent?.namespace ?? "kube-system", agent?.name ?? "calico-node", variables),
    }),
    commands,
    undo: [`kubectl set env -n ${place} -c calico-node ${variables.map((name) => oldValue(agent, name)).join(" ")}`],
  };
}

function oldValue(agent: Workload | undefined, name: string): string {
  const value = readVariable(agent, name);
  return value === undefined ? `${name}-` : `${name}=${value}`;
}

function operatorUndo(installation: RawObject | undefined, family: 4 | 6): string {
  const key = family === 4 ? "nodeAddressAutodetectionV4" : "nodeAddressAutodetectionV6";
  const old = getIn(installation?.object, "spec", "calicoNetwork", key) ?? null;
  const patch = JSON.stringify([
    {
      op: old === null ? "remove" : "replace",
      path: `/spec/calicoNetwork/${key}`,
      ...(old !== null && { value: old }),
    },
  ]);
  return `kubectl patch installation default --type json -p '${patch}'`;
}

function installationPatch(families: readonly (4 | 6)[]) {
  const pinned = { firstFound: false, kubernetes: "NodeInternalIP" };
  return {
    apiVersion: "operator.tigera.io/v1",
    kind: "Installation",
    metadata: { name: "default" },
    spec: {
      calicoNetwork: {
        ...(families.includes(4) && { nodeAddressAutodetectionV4: pinned }),
        ...(families.includes(6) && { nodeAddressAutodetectionV6: pinned }),
      },
    },
  };
}

function daemonSetPatch(namespace: string, name: string, variables: readonly string[]) {
  const env = variables.map((variable) => ({ name: variable, value: "kubernetes-internal-ip" }));
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { namespace, name },
    spec: { template: { spec: { containers: [{ name: "calico-node", env }] } } },
  };
}

function operatorCommands(facts: SourceFacts): readonly string[] {
  if (facts.installation !== "rke2") return ["kubectl rollout status -n calico-system daemonset/calico-node"];
  return [
    "# RKE2 owns the Installation through its chart: put the same value into HelmChartConfig kube-system/rke2-calico, spec.valuesContent: installation.calicoNetwork.nodeAddressAutodetectionV4",
    "kubectl rollout status -n calico-system daemonset/calico-node",
  ];
}

function manifestCommands(facts: SourceFacts, variables: readonly string[], place: string): readonly string[] {
  const wait = `kubectl rollout status -n ${place}`;
  switch (facts.installation) {
    case "kops":
      return [
        "kops edit cluster # kOps owns the DaemonSet: set spec.networking.calico.ipv4AutoDetectionMethod: kubernetes-internal-ip (ipv6AutoDetectionMethod for IPv6)",
        "kops update cluster --yes",
        wait,
      ];
    case "microk8s":
      return [
        `# on a control-plane node set ${variables.join(" and ")} to kubernetes-internal-ip in /var/snap/microk8s/current/args/cni-network/cni.yaml`,
        "microk8s kubectl apply -f /var/snap/microk8s/current/args/cni-network/cni.yaml",
        wait,
      ];
    default:
      return [
        `kubectl set env -n ${place} -c calico-node ${variables.map((name) => `${name}=kubernetes-internal-ip`).join(" ")}`,
        wait,
      ];
  }
}

function ownersOff(facts: SourceFacts): readonly SourcePreparation[] {
  switch (facts.installation) {
    case "rke2":
      return [rke2CniNone("rke2-calico")];
    case "kops":
      return [kopsNetworking("calico")];
    case "microk8s":
      return [microk8sOff];
    default:
      return [];
  }
}

const microk8sOff: SourcePreparation = {
  title: "Keep MicroK8s from applying Calico again",
  why: "MicroK8s applies args/cni-network/cni.yaml at every start of the snap",
  commands: ["# on every node: cd /var/snap/microk8s/current/args/cni-network && mv cni.yaml cni.yaml.off"],
  before: "removal",
  necessity: "required",
  undo: ["# move the file back and restart the snap"],
};
