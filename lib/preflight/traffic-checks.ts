import { whereOf } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import { getArray, getIn, getString } from "../core/json.ts";
import { objectsOf } from "../inventory/inventory.ts";
import { type CatalogueEntry, report, someOf } from "./catalogue-entry.ts";
import { workloadsLike } from "./read-cluster.ts";

/** Kinds of traffic that the source carries and Cilium carries otherwise or not by itself. */
export const trafficChecks: readonly CatalogueEntry[] = [
  {
    kind: "check",
    id: "nodelocaldns",
    severity: "warning",
    reads: "DaemonSet node-local-dns",
    condition: "NodeLocal DNSCache runs",
    remedy:
      "after the migration use a CiliumLocalRedirectPolicy for the cache, or point the kubelets' clusterDNS at its link-local address",
    source: "cilium/cilium v1.20.2 Documentation/network/kubernetes/local-redirect-policy.rst",
    check: ({ inventory }, own) =>
      workloadsLike(inventory, /(?:^|\/)(?:node-local-dns|k8s-dns-node-cache|nodelocaldns)(?::|@|$)/u).map((workload) =>
        report(own, {
          message: `${printIdentity(workload)} caches DNS on every node, and new pods go round it`,
          where: whereOf(workload, workload.position),
          reason:
            "Cilium translates the DNS Service at the pod's device, before the cache's iptables rules see the packet; lookups go to CoreDNS and count there",
        }),
      ),
  },
  {
    kind: "check",
    id: "egress-ip",
    severity: "error",
    reads: "EgressIP, Antrea Egress, Calico EgressGatewayPolicy, egress annotations of pods and namespaces",
    condition: "workloads leave the cluster with an address that the source gives them",
    remedy:
      "plan CiliumEgressGatewayPolicies (they need kube-proxy replacement and eBPF masquerading), or give the outside the nodes' addresses, before these workloads' wave",
    source: "cilium/cilium v1.20.2 Documentation/network/egress-gateway",
    check: ({ inventory }, own) => {
      const objects = ["EgressIP", "Egress", "EgressGatewayPolicy"].flatMap((kind) =>
        objectsOf(inventory, kind).map((object) => ({ object, field: "spec" })),
      );
      const namespaces = objectsOf(inventory, "Namespace", "")
        .filter((namespace) =>
          Object.keys(namespace.annotations).some((key) => key.startsWith("egress.projectcalico.org/")),
        )
        .map((object) => ({ object, field: "metadata.annotations" }));
      return [...objects, ...namespaces].map(({ object, field }) =>
        report(own, {
          message: `${printIdentity(object)} fixes the address with which pods leave the cluster`,
          where: whereOf(object, object.position, field),
          reason: "a migrated pod leaves with its node's address, which firewalls and allow lists outside do not know",
        }),
      );
    },
  },
  {
    kind: "check",
    id: "bandwidth",
    severity: "warning",
    reads: "annotations kubernetes.io/ingress-bandwidth and egress-bandwidth of pods, bandwidthManager of the values",
    condition: "pods have bandwidth limits and Cilium's bandwidth manager is off",
    remedy: "set bandwidthManager.enabled: true in spec.target.values (egress only), or accept that the limits end",
    source: "cilium/cilium v1.20.2 Documentation/network/kubernetes/bandwidth-manager.rst",
    check: ({ inventory, target }, own) => {
      if (getIn(target.migration.values, "bandwidthManager", "enabled") === true) return [];
      const limited = inventory.pods.filter((pod) =>
        Object.keys(pod.annotations).some((key) => /^kubernetes\.io\/(?:in|e)gress-bandwidth$/u.test(key)),
      );
      const [first] = limited;
      if (first === undefined) return [];
      return [
        report(own, {
          message: `bandwidth limits of ${limited.length} pods end with the source: ${someOf(limited.map(printIdentity))}`,
          where: whereOf(first, first.position, "metadata.annotations"),
          reason:
            "the limits are made by the bandwidth plugin of the source's CNI file, or by Cilium's bandwidth manager",
          data: { pods: limited.map(printIdentity) },
        }),
      ];
    },
  },
  {
    kind: "check",
    id: "sctp",
    severity: "warning",
    reads: "ports of pods and Services, sctp of the values",
    condition: "SCTP is in use and sctp.enabled is not set",
    remedy: "set sctp.enabled: true in spec.target.values and probe it after the canary",
    source: "cilium/cilium v1.20.2 Documentation/configuration/sctp.rst",
    check: ({ inventory, target }, own) => {
      if (getIn(target.migration.values, "sctp", "enabled") === true) return [];
      const pods = inventory.pods.filter(
        (pod) => !pod.isHostNetwork && pod.ports.some(({ protocol }) => protocol === "SCTP"),
      );
      const services = objectsOf(inventory, "Service", "").filter((service) =>
        getArray(service.object, "spec", "ports").some((port) => getString(port, "protocol") === "SCTP"),
      );
      const names = [...services, ...pods].map(printIdentity);
      const [first] = [...services, ...pods];
      if (first === undefined) return [];
      return [
        report(own, {
          message: `SCTP is used by ${someOf(names)}`,
          where: whereOf(first, first.position),
          reason: "without the flag Cilium tracks no SCTP ports, so policy on them does not match",
          data: { objects: names },
        }),
      ];
    },
  },
  {
    kind: "not-checked",
    id: "multicast",
    reads: "–",
    condition: "no workload needs multicast between pods",
    source: "cilium/cilium v1.20.2 Documentation/network/multicast.rst",
    applies: () => true,
    why: "whether pods send to multicast groups is in no object; Cilium carries it only with a feature of its own",
    command: () =>
      "on each node: ip maddress show | grep -c '239\\.\\|ff0[5e]:'; ask the owners of clustered middleware",
  },
];
