import { z } from "zod";
import { sourceNames } from "../../core/source-name.ts";
import { FindingsSchema } from "./finding-schema.ts";
import { report } from "./report-schema.ts";

const SourceName = z.enum(sourceNames).describe("Name of a network, as plan files write it");
const text = (description: string) => z.string().describe(description);
const texts = (description: string) => z.array(z.string()).describe(description);

const EvidenceSchema = z
  .strictObject({
    source: SourceName.describe("The network that it speaks for"),
    object: text("Kind/namespace/name"),
    field: text("Path of the field in the object"),
    value: text("What was found there"),
    weight: z
      .enum(["strong", "medium", "weak"])
      .describe("strong: it runs. medium: it is configured. weak: it was installed once"),
  })
  .meta({ id: "Evidence", description: "One observation that speaks for a network" });

const ServiceProxySchema = z
  .strictObject({
    kind: z
      .enum(["kube-proxy", "source", "embedded", "none", "unknown"])
      .describe("kube-proxy, the network itself, or the distribution"),
    mode: text("kube-proxy's mode: iptables, ipvs, nftables").exactOptional(),
    clusterCIDR: text("Prefix that it takes for pod addresses").exactOptional(),
  })
  .describe("Who answers for Services");

const FactsSchema = z
  .strictObject({
    podCIDRs: texts("Every prefix that pods can have addresses out of, merged and sorted"),
    serviceCIDRs: texts("Service prefixes; absent when nothing tells").exactOptional(),
    serviceCIDRHint: texts("The smallest prefixes around the ClusterIPs in use: a hint and no fact").exactOptional(),
    families: z.array(z.union([z.literal(4), z.literal(6)])).describe("Address families of pods"),
    encapsulation: z
      .enum(["vxlan", "ipip", "geneve", "wireguard", "udp", "fou", "ipsec", "none", "unknown"])
      .describe("How pods of different nodes reach each other"),
    tunnelPort: z.int().describe("UDP port of the overlay").exactOptional(),
    vni: z.int().describe("Number of the overlay's network").exactOptional(),
    mtu: z.int().describe("MTU that the network was told to use, in bytes").exactOptional(),
    installation: text("Who owns the installation: manifest, operator, k3s, rke2, talos, …"),
    version: text("Version of the network's agent").exactOptional(),
    datastore: z.enum(["kubernetes", "etcd"]).describe("Where the network keeps its objects").exactOptional(),
    dataplane: z
      .enum(["iptables", "nftables", "ebpf", "openvswitch", "ipvs", "none"])
      .describe("What carries out its rules on a node")
      .exactOptional(),
    serviceProxy: ServiceProxySchema,
    enforcedPolicyKinds: texts("Policy kinds that the network enforces, with their group"),
    devices: texts("Names or patterns of devices that belong to the network"),
    cniConfDirectory: text("Directory of the CNI configuration on the host"),
    cniBinDirectory: text("Directory of the CNI binaries on the host"),
    cniConfFile: text("File that the network writes into the CNI directory").exactOptional(),
    daemonSets: texts("DaemonSets of the network, namespace/name"),
    companions: texts("Products that write CNI configuration beside it: multus, istio-cni, …"),
    policyEngines: texts("Who enforces policy where it is not the network itself"),
    uplinks: texts("The hosts' interfaces that the network was told to use").exactOptional(),
    cniNetworkName: text("Name of the network in its conflist").exactOptional(),
    usesTiers: z.boolean().describe("Whether policies stand in tiers of the user's own").exactOptional(),
    details: z.record(z.string(), z.string()).describe("What an adapter shows beside the fields, by name"),
  })
  .meta({
    id: "SourceFacts",
    description: "What the plan needs to know of the network; absent: the inventory does not tell",
  });

const LiveSchema = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("supported").describe("A live migration can be planned") }),
    z.strictObject({
      kind: z.literal("conditional").describe("It can be planned if the conditions hold"),
      conditions: texts("What must hold"),
    }),
    z.strictObject({
      kind: z.literal("refused").describe("There is no live migration from this network"),
      reason: text("Why not"),
      alternatives: texts("Strategies or steps that lead on, best first"),
    }),
  ])
  .describe("Whether a live migration can be planned");

const HybridSchema = z
  .strictObject({
    ciliumVersion: text("Version of the Cilium that runs beside the network").exactOptional(),
    ciliumPodCIDRs: texts("Prefixes that Cilium gives addresses out of"),
    podsOnSource: z.int().min(0).describe("Pods with an address of the network"),
    podsOnCilium: z.int().min(0).describe("Pods with an address of Cilium"),
    podsElsewhere: z.int().min(0).describe("Pods whose address is in no prefix of either"),
    migratedNodes: texts("Nodes all of whose pods are on Cilium"),
    mixedNodes: texts("Nodes with pods of both"),
  })
  .describe("How far pods have moved; present when Cilium runs beside the network");

/** `metachron detect`. */
export const SourceDetectionSchema = report("SourceDetection", "metachron detect: which network the cluster runs", {
  source: SourceName,
  confidence: z.enum(["certain", "likely", "unsure"]).describe("How sure the detection is"),
  evidence: z.array(EvidenceSchema).describe("Strongest first, then by object"),
  facts: FactsSchema,
  live: LiveSchema,
  hybrid: HybridSchema.exactOptional(),
  switchedOffFilters: texts("Policy controllers that are switched off before Cilium comes, in words").exactOptional(),
  findings: FindingsSchema,
});

/** `metachron snapshot`. */
export const InventorySnapshotSchema = report("InventorySnapshot", "metachron snapshot: what was read and written", {
  folder: text("Folder that was written"),
  files: z
    .array(
      z.strictObject({
        file: text("Path of the file in the folder"),
        objects: z.int().min(0).describe("Objects in it"),
      }),
    )
    .describe("Files that were written, by name"),
  findings: FindingsSchema,
});

/** `metachron init`. */
export const PlanProposalSchema = report("PlanProposal", "metachron init: the plan file that was written", {
  plan: text("The plan file"),
  source: SourceName,
  confidence: z.enum(["certain", "likely", "unsure"]).describe("How sure the detection is"),
  findings: FindingsSchema,
});
