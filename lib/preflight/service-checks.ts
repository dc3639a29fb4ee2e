import { addressFamily, covers, overlaps } from "../core/cidr.ts";
import type { Finding } from "../core/finding.ts";
import { whereOf } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import { getArray, getString } from "../core/json.ts";
import { objectsOf, type RawObject, tryFindObject } from "../inventory/inventory.ts";
import { hostPortsThroughCNI } from "../target/host-ports.ts";
import { type CatalogueEntry, type Check, type PreflightContext, report, someOf } from "./catalogue-entry.ts";
import { argumentsOf, workloadsLike } from "./read-cluster.ts";

const kubeProxyFree = "cilium/cilium v1.20.2 Documentation/network/kubernetes/kubeproxy-free.rst";

function serviceProxyMode(mode: string, message: string, reason: string): Check["check"] {
  return ({ source }, own) => {
    const { serviceProxy } = source.facts;
    if (serviceProxy.kind !== "kube-proxy" || serviceProxy.mode !== mode) return [];
    return [
      report(own, {
        message,
        reason,
        where: { object: "ConfigMap/kube-system/kube-proxy", field: "config.conf mode" },
      }),
    ];
  };
}

function serviceHostFindings(context: PreflightContext, own: Check): Finding[] {
  const host = getString(context.target.migration.values, "k8sServiceHost");
  if (host === undefined || ["localhost", "127.0.0.1", "::1"].includes(host)) return [];
  const where = { file: context.plan.file, field: "spec.target.k8sServiceHost" };
  const kubernetes = tryFindObject(context.inventory, "Service", "kubernetes", "default");
  const clusterIPs = [
    ...getArray(kubernetes?.object, "spec", "clusterIPs"),
    getString(kubernetes?.object, "spec", "clusterIP"),
  ];
  if (clusterIPs.includes(host) || /^kubernetes(?:\.default|$)/u.test(host))
    return [
      report(own, {
        severity: "error",
        message: `k8sServiceHost ${host} is the kubernetes Service itself`,
        where,
        reason: "the agent needs the API server before anybody answers for Services on its node",
      }),
    ];
  const controlPlanes = context.inventory.nodes.filter((node) => node.isControlPlane);
  const one = controlPlanes.find((node) => node.addresses.some(({ address }) => address === host));
  if (one !== undefined && controlPlanes.length > 1)
    return [
      report(own, {
        message: `k8sServiceHost ${host} is one of ${controlPlanes.length} control plane nodes, Node/${one.name}`,
        where,
        reason: "while that node is rolled no agent of the cluster can start",
      }),
    ];
  if (one !== undefined || isNodeNetwork(context, host)) return [];
  return [
    report(own, {
      message: `k8sServiceHost ${host} is no address of a node and may be a load balancer outside`,
      where,
      reason:
        "some load balancers do not send a node's own traffic back to it, and then the agent waits for the API server for ever",
    }),
  ];
}

function isNodeNetwork(context: PreflightContext, host: string): boolean {
  if (addressFamily(host) === undefined) return false;
  return context.inventory.nodes.some((node) =>
    node.addresses.some(({ address }) => addressFamily(address) === 4 && overlaps(`${address}/24`, host)),
  );
}

const bgpFields = ["serviceClusterIPs", "serviceExternalIPs", "serviceLoadBalancerIPs"];

function advertised(configuration: RawObject): string[] {
  return bgpFields.filter((field) => getArray(configuration.object, "spec", field).length > 0);
}

/** Who answers for Services, and what hangs on the source for them. */
export const serviceChecks: readonly CatalogueEntry[] = [
  {
    kind: "check",
    id: "kp-absent",
    severity: "error",
    reads: "kube-proxy, the source, spec.target.kubeProxyReplacement",
    condition: "nobody answers for Services once the source is gone",
    remedy:
      "set spec.target.kubeProxyReplacement: true with k8sServiceHost and k8sServicePort, or bring kube-proxy back first",
    source: kubeProxyFree,
    check: ({ plan, source }, own) => {
      const { kind } = source.facts.serviceProxy;
      if (plan.spec.target.kubeProxyReplacement || (kind !== "none" && kind !== "source")) return [];
      return [
        report(own, {
          message:
            kind === "none"
              ? "nothing in the inventory answers for Services, and the plan does not let Cilium do it"
              : `${source.source} answers for Services itself, and the plan lets nobody take over from it`,
          where: { file: plan.file, field: "spec.target.kubeProxyReplacement" },
          reason: "NodePorts, external addresses and every host's access to a ClusterIP end with the source",
          data: { serviceProxy: kind },
        }),
      ];
    },
  },
  {
    kind: "check",
    id: "kpr-switch",
    severity: "warning",
    reads: "spec.target.kubeProxyReplacement, who answers for Services today",
    condition: "Cilium takes over from another Service proxy with the final values",
    remedy:
      "open 800-finalise in a quiet hour; take kube-proxy away only when every agent reports KubeProxyReplacement: True",
    source: kubeProxyFree,
    check: ({ plan, source }, own) => {
      const { kind } = source.facts.serviceProxy;
      if (!plan.spec.target.kubeProxyReplacement || kind === "none") return [];
      const who = kind === "source" ? source.source : kind === "unknown" ? "whoever does it today" : "kube-proxy";
      return [
        report(own, {
          message: `Cilium takes Services over from ${who} with the final values, node by node`,
          where: { file: plan.file, field: "spec.target.kubeProxyReplacement" },
          reason:
            "the two translate addresses in tables of their own: connections through Services that are open on a node break once when its agent restarts",
        }),
      ];
    },
  },
  {
    kind: "check",
    id: "kp-ipvs",
    severity: "info",
    reads: "kube-proxy's mode",
    condition: "kube-proxy runs in the mode ipvs",
    remedy:
      "nothing to do; after a later replacement of kube-proxy remove kube-ipvs0 by a reboot or kube-proxy --cleanup",
    source: kubeProxyFree,
    check: serviceProxyMode(
      "ipvs",
      "kube-proxy runs in the mode ipvs",
      "its device kube-ipvs0 with every ClusterIP stays on the nodes; Cilium works beside it",
    ),
  },
  {
    kind: "check",
    id: "kp-nft",
    severity: "info",
    reads: "kube-proxy's mode",
    condition: "kube-proxy runs in the mode nftables",
    remedy: "nothing to do; probe NodePorts after the canary",
    source: kubeProxyFree,
    check: serviceProxyMode(
      "nftables",
      "kube-proxy runs in the mode nftables",
      "its rules and Cilium's iptables rules are in different tables, which do not see each other's order",
    ),
  },
  {
    kind: "check",
    id: "kp-clustercidr",
    severity: "warning",
    reads: "kube-proxy's clusterCIDR, the new pool",
    condition: "kube-proxy takes new pods for outsiders",
    remedy:
      "add the new pool to clusterCIDR where one prefix covers both, or clear it together with detectLocalMode: ClusterCIDR, and restart kube-proxy before the first wave",
    source: "projectcalico/calico issues 5952 and 10907; Kubernetes, kube-proxy --cluster-cidr",
    check: ({ plan, source, target }, own) => {
      const { kind, clusterCIDR } = source.facts.serviceProxy;
      if (kind !== "kube-proxy" || clusterCIDR === undefined || plan.spec.target.kubeProxyReplacement) return [];
      const told = clusterCIDR.split(",").map((text) => text.trim());
      const outside = target.podCIDRs.filter((cidr) => !told.some((own) => covers(own, cidr)));
      if (outside.length === 0) return [];
      return [
        report(own, {
          message: `kube-proxy's clusterCIDR ${clusterCIDR} does not cover the new pool ${outside.join(", ")}`,
          where: { object: "ConfigMap/kube-system/kube-proxy", field: "config.conf clusterCIDR" },
          reason:
            "traffic of new pods to NodePorts and external addresses is taken as coming from outside: it gets the node's address, and policies that know pods no longer match it",
          data: { clusterCIDR, outside },
        }),
      ];
    },
  },
  {
    kind: "answered",
    id: "apiserver-via-svc",
    severity: "error",
    reads: "the source's Service datapath, spec.target.k8sServiceHost",
    condition: "the agents reach the API server only through what will be removed",
    answeredBy: ["target/k8s-service-host-needed", "target/k8s-service-host-derived", "source/service-proxy"],
    source: kubeProxyFree,
  },
  {
    kind: "check",
    id: "k8s-servicehost",
    severity: "warning",
    reads: "k8sServiceHost of the values, node addresses, the kubernetes Service",
    condition: "the API server's address depends on one node, on a Service or on a load balancer outside",
    remedy:
      "use an address that every node reaches also from itself: a local balancer (KubePrism, RKE2's), an internal VIP, or several servers in k8s.apiServerURLs",
    source: "field reports: Talos on Azure (hairpin), cilium/cilium v1.20.2 values k8s.apiServerURLs",
    check: serviceHostFindings,
  },
  {
    kind: "settled",
    id: "hostport-portmap",
    reads: "hostPorts of pods and templates",
    condition: "hostPorts would stop on a migrated node",
    settledBy: ["cni.chainingMode"],
    source: "cilium/cilium v1.20.2 Documentation/installation/cni-chaining-portmap.rst",
  },
  {
    kind: "check",
    id: "hostport-nodeportrange",
    severity: "error",
    reads: "hostPorts of pods and templates, spec.target.kubeProxyReplacement",
    condition: "Cilium would serve a hostPort that lies in the range of NodePorts",
    remedy: "give the workload a hostPort outside 30000-32767",
    source: kubeProxyFree,
    check: ({ plan, inventory }, own) => {
      if (!plan.spec.target.kubeProxyReplacement) return [];
      return hostPortsThroughCNI(inventory)
        .filter(({ port }) => port >= 30000 && port <= 32767)
        .map(({ port, protocol, owner }) =>
          report(own, {
            message: `${owner} uses hostPort ${port}/${protocol}, which lies in the range of NodePorts`,
            where: { object: owner },
            reason: "with kube-proxy replacement Cilium refuses a hostPort in 30000-32767",
            data: { port },
          }),
        );
    },
  },
  {
    kind: "not-checked",
    id: "hostport-binary",
    reads: "–",
    condition: "every node has a portmap plugin that is new enough",
    source: "containernetworking/plugins; cilium/cilium v1.20.2 daemon/cmd/cni/config.go (CNI 1.0.0)",
    applies: ({ inventory }) => hostPortsThroughCNI(inventory).length > 0,
    why: "hostPorts are served by the portmap binary that the source brought to the nodes; Cilium 1.20 needs one of containernetworking/plugins 1.0 or later",
    command: ({ source }) =>
      `on each node: ${source.facts.cniBinDirectory}/portmap </dev/null 2>&1 | head -1; CNI_COMMAND=VERSION ${source.facts.cniBinDirectory}/portmap </dev/null`,
  },
  {
    kind: "not-checked",
    id: "stale-hostport",
    reads: "–",
    condition: "no DNAT rule of an earlier pod stands before a living one",
    source: "lab pilot of metachron: a stale CNI-DN chain keeps a hostPort dead",
    applies: ({ inventory }) => hostPortsThroughCNI(inventory).length > 0,
    why: "rules of the portmap plugin are on the nodes; an old entry for a port stays in front and wins (the roll sweeps them on its nodes)",
    command: () => "on each node: iptables -t nat -S CNI-HOSTPORT-DNAT; iptables -t nat -S | grep -- '-A CNI-DN'",
  },
  {
    kind: "settled",
    id: "lb-double",
    reads: "MetalLB, kube-vip, Calico's and Kube-Router's load balancers",
    condition: "two controllers would give out load balancer addresses",
    settledBy: ["enableLBIPAM", "l2announcements.enabled"],
    source: "cilium/cilium v1.20.2 Documentation/network/lb-ipam.rst",
  },
  {
    kind: "check",
    id: "svc-bgp",
    severity: "error",
    reads: "BGPConfiguration, Kube-Router's --advertise flags",
    condition: "the source advertises addresses of Services, which vanish with it",
    remedy:
      "let CiliumBGPClusterConfig or MetalLB advertise the same prefixes, and see them at the routers, before the source is removed",
    source:
      "projectcalico/calico BGPConfiguration; kube-router docs/bgp.md; cilium/cilium v1.20.2 Documentation/network/bgp-control-plane",
    check: ({ inventory, source }, own) => {
      const calico = objectsOf(inventory, "BGPConfiguration").flatMap((configuration) => {
        const fields = advertised(configuration);
        if (fields.length === 0) return [];
        return [
          report(own, {
            message: `${printIdentity(configuration)} advertises ${fields.join(", ")}`,
            where: whereOf(configuration, configuration.position, `spec.${fields[0]}`),
            reason: "the routes to these addresses end when calico-node stops",
          }),
        ];
      });
      const routers = source.source === "kube-router" ? workloadsLike(inventory, /kube-router/u) : [];
      const router = routers.flatMap((workload) => {
        const flags = argumentsOf(workload).filter((word) =>
          /^--advertise-(?:cluster|external|loadbalancer)-ip(?:=true)?$/u.test(word),
        );
        if (flags.length === 0) return [];
        return [
          report(own, {
            message: `${printIdentity(workload)} advertises Services: ${flags.join(" ")}`,
            where: whereOf(workload, workload.position, "spec.template.spec.containers[*].args"),
            reason: "the routes to these addresses end when kube-router stops",
          }),
        ];
      });
      return [...calico, ...router];
    },
  },
  {
    kind: "check",
    id: "svc-lb-calico",
    severity: "error",
    reads: "IPPools with allowedUses LoadBalancer, Services of type LoadBalancer",
    condition: "Calico gives out load balancer addresses",
    remedy:
      "make a CiliumLoadBalancerIPPool of the same prefixes (or MetalLB) and enableLBIPAM: true for the final values",
    source:
      "projectcalico/calico kube-controllers loadbalancer controller; cilium/cilium v1.20.2 Documentation/network/lb-ipam.rst",
    check: ({ inventory }, own) =>
      objectsOf(inventory, "IPPool")
        .filter((pool) => getArray(pool.object, "spec", "allowedUses").includes("LoadBalancer"))
        .flatMap((pool) => {
          const cidr = getString(pool.object, "spec", "cidr") ?? "";
          const users = objectsOf(inventory, "Service", "").filter((service) =>
            getArray(service.object, "status", "loadBalancer", "ingress").some((entry) => {
              const ip = getString(entry, "ip");
              return ip !== undefined && addressFamily(cidr) !== undefined && covers(cidr, ip);
            }),
          );
          if (users.length === 0) return [];
          return [
            report(own, {
              message: `${printIdentity(pool)} gives ${cidr} to ${someOf(users.map(printIdentity))}`,
              where: whereOf(pool, pool.position, "spec.allowedUses"),
              reason: "nobody keeps or answers for these addresses once Calico's controllers are gone",
              data: { services: users.map(printIdentity) },
            }),
          ];
        }),
  },
];
