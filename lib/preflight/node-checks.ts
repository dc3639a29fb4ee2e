import type { Finding } from "../core/finding.ts";
import { compareText, sortedUnique } from "../core/order.ts";
import type { Node } from "../inventory/inventory.ts";
import { type CatalogueEntry, type Check, type PreflightContext, report, someOf } from "./catalogue-entry.ts";
import { groupBy } from "./read-cluster.ts";
import { kubernetesMinor, testedCiliumMinors, testedKubernetes } from "./tested-versions.ts";

const requirements = "cilium/cilium v1.20.2 Documentation/operations/system_requirements.rst";

function linuxNodes(context: PreflightContext): readonly Node[] {
  return context.inventory.nodes.filter((node) => node.nodeInfo.operatingSystem !== "windows");
}

/** One finding for each value that is wrong, with the nodes that have it. */
function byValue(
  context: PreflightContext,
  own: Check,
  read: (node: Node) => string | undefined,
  isWrong: (value: string, node: Node) => boolean,
  tell: (
    value: string,
    nodes: string,
  ) => {
    readonly message: string;
    readonly reason: string;
    readonly severity?: Finding["severity"];
    readonly remedy?: string;
  },
): Finding[] {
  const wrong = linuxNodes(context).flatMap((node) => {
    const value = read(node);
    return value !== undefined && isWrong(value, node) ? [{ node, value }] : [];
  });
  return [...groupBy(wrong, ({ value }) => value)]
    .sort(([a], [b]) => compareText(a, b))
    .map(([value, group]) => {
      const names = group.map(({ node }) => node.name);
      const [first] = group;
      return report(own, {
        ...tell(value, someOf(names)),
        // Several nodes are one finding without an object: an exception for it names `*`, not whichever node is first.
        ...(first !== undefined && {
          where: { ...first.node.position, ...(group.length === 1 && { object: `Node/${first.node.name}` }) },
        }),
        data: { value, nodes: names },
      });
    });
}

/**
 * Whether a kernel is old: below 5.10, but for Red Hat's 4.18 from release 553 (RHEL 8.10) on. A text without two
 * numbers is not judged.
 */
export function isOldKernel(version: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/u.exec(version) ?? [];
  if (major === undefined || minor === undefined) return false;
  if (Number(major) > 5 || (Number(major) === 5 && Number(minor) >= 10)) return false;
  const [, release] = /^4\.18\.0-(\d+).*\.el8/u.exec(version) ?? [];
  return release === undefined || Number(release) < 553;
}

function ciliumMinor(context: PreflightContext): string {
  return context.plan.spec.target.version.split(".").slice(0, 2).join(".");
}

function betterMinors(kubernetes: number): string {
  const fits = testedCiliumMinors(kubernetes);
  if (fits.length === 0) return "no Cilium of 1.18 to 1.20 is";
  return `Cilium ${fits.join(" and ")} ${fits.length === 1 ? "is" : "are"}`;
}

interface Runtime {
  readonly name: string;
  readonly parts: readonly number[];
}

function runtimeOf(node: Node): Runtime | undefined {
  const [, name, version] = /^([a-z-]+):\/\/v?(.*)$/u.exec(node.nodeInfo.containerRuntimeVersion ?? "") ?? [];
  if (name === undefined || version === undefined) return undefined;
  return { name, parts: version.split(/[.+-]/u).map(Number) };
}

function isContainerdBetween(node: Node, from: readonly number[], to: readonly number[]): boolean {
  const runtime = runtimeOf(node);
  if (runtime?.name !== "containerd") return false;
  const number = (parts: readonly number[]): number => (parts[0] ?? 0) * 1e6 + (parts[1] ?? 0) * 1e3 + (parts[2] ?? 0);
  return number(runtime.parts) >= number(from) && number(runtime.parts) <= number(to);
}

/** What the nodes are, and whether Cilium runs there. */
export const nodeChecks: readonly CatalogueEntry[] = [
  {
    kind: "check",
    id: "kernel",
    severity: "error",
    reads: "node.status.nodeInfo.kernelVersion",
    condition: "a kernel is older than 5.10 (4.18.0-553 on RHEL 8.10)",
    remedy: "upgrade the kernel before the node's wave, or exclude the node",
    source: requirements,
    check: (context, own) =>
      byValue(
        context,
        own,
        (node) => node.nodeInfo.kernelVersion,
        (version) => isOldKernel(version),
        (version, nodes) => ({
          message: `kernel ${version} is too old for Cilium: ${nodes}`,
          reason: "the agent does not start below Linux 5.10, or 4.18 of RHEL 8.10",
        }),
      ),
  },
  {
    kind: "check",
    id: "kernel-rhel",
    severity: "warning",
    reads: "node.status.nodeInfo.osImage",
    condition: "RHEL or a relative is 8.0 to 8.9",
    remedy: "upgrade to 8.10 or later before the node's wave",
    source: requirements,
    check: (context, own) =>
      byValue(
        context,
        own,
        (node) => node.nodeInfo.osImage,
        (image) => /(?:Red Hat|Rocky|AlmaLinux|Oracle|CentOS).* 8\.\d(?!\d)/u.test(image),
        (image, nodes) => ({
          message: `${image} is older than 8.10: ${nodes}`,
          reason: "Red Hat carried what Cilium needs into its 4.18 kernel with 8.10",
        }),
      ),
  },
  {
    kind: "check",
    id: "arch",
    severity: "error",
    reads: "node.status.nodeInfo.architecture",
    condition: "a node is neither amd64 nor arm64",
    remedy: "exclude these nodes in spec.waves.exclude: they keep the source, which then cannot be removed",
    source: requirements,
    check: (context, own) =>
      byValue(
        context,
        own,
        (node) => node.nodeInfo.architecture,
        (architecture) => architecture !== "amd64" && architecture !== "arm64",
        (architecture, nodes) => ({
          message: `there is no Cilium image for ${architecture}: ${nodes}`,
          reason: "Cilium's images are built for amd64 and arm64",
        }),
      ),
  },
  {
    kind: "answered",
    id: "os-windows",
    severity: "warning",
    reads: "node.status.nodeInfo.operatingSystem",
    condition: "a node runs Windows",
    answeredBy: ["waves/windows-node"],
    source: requirements,
  },
  {
    kind: "check",
    id: "k8s-version",
    severity: "warning",
    reads: "node.status.nodeInfo.kubeletVersion, spec.target.version",
    condition: "Kubernetes is a version that this Cilium is not tested with",
    remedy: "choose a release of Cilium that is tested with it, or upgrade Kubernetes first",
    source: "cilium/cilium Documentation/network/kubernetes/compatibility.rst of v1.18.11, v1.19.6 and v1.20.2",
    check: (context, own) => {
      const tested = testedKubernetes(ciliumMinor(context));
      if (tested.length === 0) return [];
      return byValue(
        context,
        own,
        (node) => {
          const minor = kubernetesMinor(node.nodeInfo.kubeletVersion ?? "");
          return minor === undefined ? undefined : `1.${minor}`;
        },
        (version) => !tested.includes(kubernetesMinor(version) ?? 0),
        (version, nodes) => ({
          message: `Cilium ${context.plan.spec.target.version} is not tested with Kubernetes ${version}: ${nodes}`,
          reason: `it is tested with 1.${tested[0]} to 1.${tested.at(-1)}; ${betterMinors(kubernetesMinor(version) ?? 0)} tested with ${version}`,
        }),
      );
    },
  },
  {
    kind: "check",
    id: "runtime",
    severity: "warning",
    reads: "node.status.nodeInfo.containerRuntimeVersion, spec.roll.mode",
    condition: "the runtime is Docker, containerd before 1.6, or one that was not measured",
    remedy: "upgrade to containerd 1.6.13 or later, node by node, before the migration",
    source: "containerd 1.6 release notes (CNI 1.0.0); lab pilot of metachron: containerd 1.6.20 and 2.4.2",
    check: (context, own) =>
      byValue(
        context,
        own,
        (node) => node.nodeInfo.containerRuntimeVersion,
        (_version, node) => runtimeOf(node)?.name !== "containerd" || isContainerdBetween(node, [0, 0, 0], [1, 5, 999]),
        (version, nodes) =>
          version.startsWith("docker:")
            ? {
                message: `${version} goes through cri-dockerd: ${nodes}`,
                reason:
                  "its CNI directory and its way to restart a sandbox are cri-dockerd's own; the mode recycle does not work there",
              }
            : version.startsWith("containerd:")
              ? {
                  message: `${version} is too old: ${nodes}`,
                  reason: "Cilium 1.20 writes a CNI file of version 1.0.0, which containerd reads from 1.6 on",
                }
              : {
                  severity: "info",
                  message: `${version} was not measured: ${nodes}`,
                  reason:
                    "what a runtime does with old sandboxes after the CNI file changed was measured with containerd only",
                  remedy:
                    "watch the canary's node for a day, deleted pods and hostPorts above all, before the second wave",
                },
      ),
  },
  {
    kind: "check",
    id: "runtime-restart",
    severity: "warning",
    reads: "node.status.nodeInfo.containerRuntimeVersion",
    condition: "containerd is 1.6.9 to 1.6.12",
    remedy: "upgrade containerd first, node by node, drained",
    source: "containerd issue 7843",
    check: (context, own) =>
      byValue(
        context,
        own,
        (node) => node.nodeInfo.containerRuntimeVersion,
        (_version, node) => isContainerdBetween(node, [1, 6, 9], [1, 6, 12]),
        (version, nodes) => ({
          message: `${version} recreates every sandbox of a node when it restarts: ${nodes}`,
          reason: "a restart of the runtime in the middle of the migration would move all pods of a node at once",
        }),
      ),
  },
  {
    kind: "answered",
    id: "hostname-label",
    severity: "error",
    reads: "label kubernetes.io/hostname",
    condition: "a node cannot be selected by its hostname",
    answeredBy: ["waves/no-hostname-label", "waves/duplicate-hostname"],
    source: "cilium/cilium v1.20.2 Documentation/configuration/per-node-config.rst",
  },
  {
    kind: "answered",
    id: "disk",
    severity: "warning",
    reads: "node conditions",
    condition: "a node is not ready or under pressure",
    answeredBy: ["waves/not-ready", "waves/unhealthy-node"],
    source: "Kubernetes, Node Status",
  },
  {
    kind: "answered",
    id: "cordoned",
    severity: "info",
    reads: "node.spec.unschedulable",
    condition: "a node was cordoned before",
    answeredBy: ["waves/cordoned-node"],
    source: "Kubernetes, Safely Drain a Node",
  },
  {
    kind: "answered",
    id: "cp-single",
    severity: "warning",
    reads: "nodes, spec.roll.mode",
    condition: "the only control plane node would be rebooted or replaced",
    answeredBy: ["waves/single-control-plane", "waves/single-node"],
    source: "cilium/cilium v1.20.2 Documentation/installation/k8s-install-migration.rst",
  },
  {
    kind: "answered",
    id: "cp-etcd",
    severity: "info",
    reads: "nodes, waves",
    condition: "several members of etcd would move at once (control plane nodes go last and one by one)",
    answeredBy: ["waves/control-plane-last", "waves/no-workers"],
    source: "etcd: a quorum of three survives the loss of one",
  },
  {
    kind: "check",
    id: "gpu-nodes",
    severity: "info",
    reads: "node.status.allocatable",
    condition: "nodes have devices that others lack",
    remedy: "give their pool a group of its own with size 1, and roll.mode recycle where the devices cannot be moved",
    source: "Kubernetes, Device Plugins",
    check: ({ inventory }, own) => {
      const names = sortedUnique(inventory.nodes.flatMap((node) => Object.keys(node.allocatable))).filter((name) =>
        /^(?:nvidia\.com|amd\.com|gpu\.intel\.com|habana\.ai|aws\.amazon\.com|google\.com)\/.*(?:gpu|mig-|gaudi|neuron|tpu|i915|xe)/u.test(
          name,
        ),
      );
      return names.flatMap((name) => {
        const nodes = inventory.nodes.filter((node) => (node.allocatable[name] ?? 0) > 0);
        const [first] = nodes;
        if (first === undefined || nodes.length === inventory.nodes.length) return [];
        return [
          report(own, {
            message: `${name} is on ${nodes.length} of ${inventory.nodes.length} nodes: ${someOf(nodes.map((node) => node.name))}`,
            where: { ...first.position, object: `Node/${first.name}`, field: "status.allocatable" },
            reason: "their pods have few other nodes or none to go to while theirs is away",
            data: { resource: name, nodes: nodes.map((node) => node.name) },
          }),
        ];
      });
    },
  },
  {
    kind: "settled",
    id: "cni-dir",
    reads: "the distribution, the source's CNI directories",
    condition: "the runtime would read another directory",
    settledBy: ["cni.confPath", "cni.binPath"],
    source: "cilium/cilium v1.20.2 Documentation/installation/k3s.rst",
  },
  {
    kind: "answered",
    id: "cni-dir-moves",
    severity: "warning",
    reads: "the distribution",
    condition: "the CNI directories change when the distribution's own network is switched off",
    answeredBy: ["target/cni-directory-moves"],
    source: "k3s-io/k3s: --flannel-backend=none",
  },
  {
    kind: "settled",
    id: "talos-caps",
    reads: "node.status.nodeInfo.osImage",
    condition: "Talos would refuse the agent's capabilities and cgroup mount",
    settledBy: ["securityContext.capabilities.ciliumAgent", "cgroup.autoMount.enabled"],
    source: "cilium/cilium v1.20.2 Documentation/installation/k8s-install-talos-linux.rst",
  },
  {
    kind: "settled",
    id: "talos-hostdns",
    reads: "node.status.nodeInfo.osImage",
    condition: "Talos' host DNS would break under eBPF host routing",
    settledBy: ["bpf.hostLegacyRouting"],
    source: "cilium/cilium v1.20.2 Documentation/installation/k8s-install-talos-linux.rst",
  },
  {
    kind: "settled",
    id: "aws-snat",
    reads: "DaemonSet aws-node",
    condition: "the agents would remove the SNAT rules of pods that have not migrated",
    settledBy: ["cni.iptablesRemoveAWSRules"],
    source: "cilium/cilium v1.20.2 install/kubernetes/cilium/files/agent/poststart-eni.bash",
  },
];
