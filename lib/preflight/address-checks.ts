import { addressFamily, covers } from "../core/cidr.ts";
import type { Finding } from "../core/finding.ts";
import { getIn, getNumber } from "../core/json.ts";
import type { ContainerPort, Pod } from "../inventory/inventory.ts";
import type { CatalogueEntry, PreflightContext } from "./catalogue-entry.ts";
import { report } from "./catalogue-entry.ts";
import { livePods, ownerOf } from "./read-cluster.ts";

const requirements = "cilium/cilium v1.20.2 Documentation/operations/system_requirements.rst";
const clusterPool = "cilium/cilium v1.20.2 Documentation/network/concepts/ipam/cluster-pool.rst";
const mtu = "cilium/cilium v1.20.2 pkg/mtu/mtu.go";

/** A port that Cilium binds on every node, or on the nodes of its operator and relay. */
interface OwnPort {
  readonly port: number;
  readonly protocol: ContainerPort["protocol"];
  readonly use: string;
  /** Whether the plan's values switch it on. */
  readonly isUsed: (context: PreflightContext) => boolean;
}

const always = (): boolean => true;
const value =
  (...path: readonly string[]) =>
  (context: PreflightContext): boolean =>
    getIn(context.target.migration.values, ...path) === true;

function ownPorts(context: PreflightContext): OwnPort[] {
  const all: OwnPort[] = [
    {
      port: context.target.tunnelPort,
      protocol: "UDP",
      use: "the overlay",
      isUsed: () => context.target.tunnelPort > 0,
    },
    { port: 4240, protocol: "TCP", use: "health checks between nodes", isUsed: always },
    { port: 4244, protocol: "TCP", use: "Hubble's server", isUsed: value("hubble", "enabled") },
    {
      port: 4250,
      protocol: "TCP",
      use: "mutual authentication",
      isUsed: value("authentication", "mutual", "spire", "enabled"),
    },
    { port: 9234, protocol: "TCP", use: "the operator's API", isUsed: always },
    { port: 9878, protocol: "TCP", use: "Envoy's health check", isUsed: value("envoy", "enabled") },
    { port: 9879, protocol: "TCP", use: "the agent's health check", isUsed: always },
    { port: 9890, protocol: "TCP", use: "the agent's gops", isUsed: always },
    { port: 9891, protocol: "TCP", use: "the operator's gops", isUsed: always },
    { port: 9901, protocol: "TCP", use: "Envoy's admin API", isUsed: value("envoy", "enabled") },
    { port: 9962, protocol: "TCP", use: "the agent's metrics", isUsed: value("prometheus", "enabled") },
    { port: 9963, protocol: "TCP", use: "the operator's metrics", isUsed: always },
    { port: 9964, protocol: "TCP", use: "Envoy's metrics", isUsed: value("envoy", "enabled") },
    {
      port: 9965,
      protocol: "TCP",
      use: "Hubble's metrics",
      isUsed: ({ target }) => Array.isArray(getIn(target.migration.values, "hubble", "metrics", "enabled")),
    },
    { port: 51871, protocol: "UDP", use: "WireGuard", isUsed: value("encryption", "enabled") },
  ];
  return all.filter((own) => own.isUsed(context));
}

const isCilium = (pod: Pod): boolean =>
  pod.labels["app.kubernetes.io/part-of"] === "cilium" || /^cilium/u.test(pod.labels["k8s-app"] ?? "");

function portFindings(context: PreflightContext, tell: (owner: string, own: OwnPort, pod: Pod) => Finding): Finding[] {
  const ports = ownPorts(context);
  const found = new Map<string, Finding>();
  for (const pod of livePods(context.inventory).filter((one) => !isCilium(one)))
    for (const { containerPort, hostPort, protocol } of pod.ports) {
      const onHost = hostPort ?? (pod.isHostNetwork ? containerPort : undefined);
      const own = ports.find((one) => one.port === onHost && one.protocol === protocol);
      const key = `${ownerOf(pod)} ${onHost}/${protocol}`;
      if (own !== undefined && !found.has(key)) found.set(key, tell(ownerOf(pod), own, pod));
    }
  return [...found.values()];
}

/** Bytes that the source's encapsulation takes; `undefined` when it is not known. */
function sourceOverhead(context: PreflightContext): number | undefined {
  const overheads = {
    vxlan: 50,
    geneve: 50,
    ipip: 20,
    wireguard: 60,
    udp: 28,
    fou: 28,
    ipsec: 77,
    none: 0,
    unknown: undefined,
  };
  return overheads[context.source.facts.encapsulation];
}

/** Addresses, ports and packet sizes. */
export const addressChecks: readonly CatalogueEntry[] = [
  {
    kind: "answered",
    id: "cidr-overlap",
    severity: "error",
    reads:
      "pools of the source, Services, nodes, load balancers, endpoints, docker, OVN, reservedCIDRs against the new pool",
    condition: "the new pool overlaps something",
    answeredBy: [
      "target/pod-cidr-overlaps",
      "target/pod-cidr-may-overlap",
      "target/pod-cidr-none-free",
      "target/pod-cidr-invalid",
    ],
    source: clusterPool,
  },
  {
    kind: "answered",
    id: "cidr-default",
    severity: "error",
    reads: "spec.target.podCIDRs of the plan",
    condition: "the pool is the chart's default, or a public prefix",
    answeredBy: ["target/pod-cidr-default", "target/pod-cidr-public"],
    source: clusterPool,
  },
  {
    kind: "answered",
    id: "cidr-small",
    severity: "error",
    reads: "nodes, the pool and its block length",
    condition: "the pool has too few blocks",
    answeredBy: ["target/pod-cidr-too-small", "target/pod-cidr-tight", "target/pod-cidr-mask-too-far"],
    source: clusterPool,
  },
  {
    kind: "answered",
    id: "cidr-per-node",
    severity: "error",
    reads: "node.status.capacity.pods, the block length",
    condition: "a node's block is too small for its pods",
    answeredBy: ["target/pod-cidr-per-node-too-small"],
    source: clusterPool,
  },
  {
    kind: "answered",
    id: "cidr-installed",
    severity: "error",
    reads: "ConfigMap cilium-config",
    condition: "the pool is not the installed Cilium's",
    answeredBy: ["target/pod-cidr-changed", "target/pod-cidr-installed"],
    source: clusterPool,
  },
  {
    kind: "answered",
    id: "cidr-policy",
    severity: "warning",
    reads: "ipBlocks and nets of policies against the pool",
    condition: "a policy names addresses of the pool, or separates it from the old one",
    answeredBy: ["target/pod-cidr-in-policy", "target/pod-cidr-separated"],
    source: "metachron, exact bridge",
  },
  {
    kind: "not-checked",
    id: "cidr-outside",
    reads: "–",
    condition: "nobody outside the cluster has the new pool's addresses",
    source: clusterPool,
    applies: ({ plan }) => plan.spec.reservedCIDRs.length === 0,
    why: "routes of the VPC, of peered networks, on-premises networks and other clusters are in no object of this one; an overlap cuts pods off from them",
    command: ({ target }) =>
      `ask who owns ${target.podCIDRs.join(" and ")}, then write what is in use into spec.reservedCIDRs; on a node: ip route`,
  },
  {
    kind: "answered",
    id: "fam-mismatch",
    severity: "error",
    reads: "families of pod addresses and of the pool",
    condition: "the pool has a family that no pod has",
    answeredBy: ["target/pod-cidr-family"],
    source: "cilium/cilium v1.20.2 Documentation/installation/k8s-install-migration.rst",
  },
  {
    kind: "check",
    id: "fam-v6-only",
    severity: "warning",
    reads: "families of pod addresses",
    condition: "the cluster has IPv6 alone",
    remedy: "rehearse on a test cluster of the same kind before the canary",
    source:
      "cilium/cilium v1.20.2 Documentation/network/concepts/routing.rst: the overlay over IPv6 is newer than the one over IPv4",
    check: ({ source }, own) =>
      source.facts.families.length === 1 && source.facts.families[0] === 6
        ? [
            report(own, {
              message: `the pods of ${source.source} have IPv6 addresses alone`,
              reason:
                "the overlay then runs over IPv6, a path that fewer people take and that takes 70 bytes of each packet",
            }),
          ]
        : [],
  },
  {
    kind: "settled",
    id: "port-clash",
    reads: "the source's overlay, ports of pods on the host",
    condition: "the new overlay would share a UDP port",
    settledBy: ["tunnelProtocol", "tunnelPort"],
    source: "cilium/cilium v1.20.2 pkg/datapath/loader/netlink.go",
  },
  {
    kind: "check",
    id: "port-host",
    severity: "error",
    reads: "hostPorts, ports of pods on the host network, the plan's values",
    condition: "a pod has a port on its node that Cilium needs",
    remedy: "give the workload another port, or set Cilium's port in spec.target.values",
    source: requirements,
    check: (context, own) =>
      portFindings(context, (owner, port, pod) =>
        report(own, {
          message: `${owner} has ${port.port}/${port.protocol} on its nodes, which Cilium needs for ${port.use}`,
          where: { ...pod.position, object: owner },
          reason: "two programs cannot listen on one port of a node: the one that starts second fails",
          data: { port: port.port, protocol: port.protocol },
        }),
      ),
  },
  {
    kind: "not-checked",
    id: "port-firewall",
    reads: "–",
    condition: "nodes reach each other on Cilium's ports",
    source: requirements,
    applies: () => true,
    why: "security groups and firewalls between nodes are in no Kubernetes object; without the overlay's port no new pod reaches another node",
    command: ({ target }) =>
      `open UDP ${target.tunnelPort}, TCP 4240, TCP 4244 and ICMP echo between all nodes; from one node: nc -zvu <other node> ${target.tunnelPort} && nc -zv <other node> 4240`,
  },
  {
    kind: "check",
    id: "mtu-drop",
    severity: "warning",
    reads: "the source's encapsulation and MTU, MTU in the plan's values",
    condition: "new pods get a smaller MTU than old ones",
    remedy: "see that path MTU discovery works (ICMP is not filtered), or lower the source's MTU first, node by node",
    source: mtu,
    check: (context, own) => {
      const before = sourceOverhead(context);
      const after = context.source.facts.families.includes(4) ? 50 : 70;
      if (before === undefined) return [];
      const device = getNumber(context.target.migration.values, "MTU");
      const told = context.source.facts.mtu;
      const less = device !== undefined && told !== undefined ? told - (device - after) : after - before;
      if (less <= 0) return [];
      return [
        report(own, {
          message: `new pods get an MTU that is ${less} bytes smaller than that of ${context.source.source}'s pods`,
          reason:
            "a connection between an old and a new pod, or one that was sized for the old MTU, stalls where ICMP is filtered",
          data: { less, before, after },
        }),
      ];
    },
  },
  {
    kind: "not-checked",
    id: "mtu-differ",
    reads: "–",
    condition: "every node's uplink has the same MTU",
    source: mtu,
    applies: ({ inventory, target }) =>
      inventory.nodes.length > 1 && getNumber(target.migration.values, "MTU") === undefined,
    why: "the MTU of devices is in no object; where nodes differ Cilium's automatic choice differs too, and large packets are lost in between",
    command: () => "on each node: ip -o link show $(ip -o route get 1.1.1.1 | sed 's/.* dev \\([^ ]*\\).*/\\1/')",
  },
  {
    kind: "answered",
    id: "dev-detect",
    severity: "error",
    reads: "devices of the source, spec.target.devices",
    condition: "Cilium would take a device of the source for an uplink",
    answeredBy: ["target/devices-needed"],
    source: "cilium/cilium v1.20.2 pkg/datapath/linux/devices_controller.go; lab pilot of metachron",
  },
  {
    kind: "check",
    id: "cidr-node-mix",
    severity: "error",
    reads: "node addresses, the source's pools",
    condition: "a node's address lies in the source's own pool",
    remedy: "correct the source's pool, or name the nodes' subnet in reservedCIDRs and use the strategy blue-green",
    source: clusterPool,
    check: ({ inventory, source }, own) => {
      // Where the cloud gives out pod addresses, pods and nodes share their subnets on purpose.
      if (source.source === "aws-vpc-cni" || source.source === "azure-cni") return [];
      return inventory.nodes.flatMap((node) =>
        node.addresses
          .filter(({ type, address }) => type === "InternalIP" && addressFamily(address) !== undefined)
          .flatMap(({ address }) => {
            const pool = source.facts.podCIDRs.find((cidr) => covers(cidr, address));
            if (pool === undefined) return [];
            return [
              report(own, {
                message: `Node/${node.name} has the address ${address} in the pool ${pool} of ${source.source}`,
                where: { ...node.position, object: `Node/${node.name}`, field: "status.addresses" },
                reason: "the bridge tells old pods by this prefix; a node inside it is taken for a pod",
              }),
            ];
          }),
      );
    },
  },
];
