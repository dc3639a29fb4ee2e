import { z } from "zod";

const prefix = z.string().min(1);

/** What the cluster migrates to: `spec.target`. */
export const TargetSchema = z
  .strictObject({
    cni: z
      .enum(["cilium", "flannel"])
      .default("cilium")
      .describe("The network that the cluster arrives at. flannel removes policy enforcement and says what is lost"),
    version: z
      .string()
      .min(1)
      .default("1.20.2")
      .describe("Exact version of the Cilium chart and images, for example 1.20.2; supported are 1.18, 1.19 and 1.20"),
    podCIDRs: z
      .array(prefix)
      .max(2)
      .default([])
      .describe(
        "New pool of pod addresses, one prefix per address family; it must overlap nothing in use. Empty: proposed",
      ),
    podCIDRMaskSize: z
      .int()
      .min(1)
      .max(30)
      .describe("Prefix length of the IPv4 block that each node gets; cannot be changed later. Absent: from the nodes")
      .exactOptional(),
    podCIDRMaskSizeIPv6: z
      .int()
      .min(1)
      .max(126)
      .describe("Prefix length of the IPv6 block that each node gets; cannot be changed later. Absent: 120 or more")
      .exactOptional(),
    devices: z
      .array(z.string().min(1))
      .default([])
      .describe("Uplink devices for Cilium, for example eth0 or bond+. Empty: the devices of the source are excluded"),
    kubeProxyReplacement: z
      .boolean()
      .default(false)
      .describe("Whether the final values let Cilium take over from kube-proxy; during the migration it never does"),
    k8sServiceHost: z
      .string()
      .min(1)
      .describe("Address of the API server that works without a Service, needed where the source answers for Services")
      .exactOptional(),
    k8sServicePort: z.int().min(1).max(65535).describe("Port of k8sServiceHost").exactOptional(),
    values: z
      .record(z.string(), z.json())
      .default({})
      .describe(
        "Helm values merged last; a value that breaks an invariant of the migration is refused with the reason",
      ),
    chart: z
      .strictObject({
        source: z.enum(["https", "oci"]).default("https").describe("Helm repository (https) or OCI registry (oci)"),
        repository: z
          .string()
          .min(1)
          .default("https://helm.cilium.io")
          .describe(
            "Address of the chart repository; for oci with the chart's path, such as oci://quay.io/cilium/charts",
          ),
      })
      .prefault({})
      .describe("Where the Cilium chart comes from"),
  })
  .meta({ id: "Target", description: "What the cluster migrates to" });
