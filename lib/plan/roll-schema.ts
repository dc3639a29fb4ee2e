import { z } from "zod";
import { RollModeSchema } from "./selection-schema.ts";

const url = z.url({ protocol: /^https?$/ });

/** A gate on a signal of the user's own. */
const ServiceLevelGateSchema = z
  .strictObject({
    name: z.string().min(1).describe("Name in logs and findings"),
    query: z.string().min(1).describe("PromQL that gives a non-empty, non-zero result while all is well"),
  })
  .meta({ id: "ServiceLevelGate", description: "A PromQL expression checked before and after each node" });

/** Settings of the executor `system-upgrade-controller`. */
export const SystemUpgradeControllerSchema = z.strictObject({
  namespace: z.string().min(1).default("system-upgrade").describe("Namespace of its Plans"),
  serviceAccountName: z.string().min(1).default("system-upgrade").describe("Account that its Jobs run as"),
});

/** Settings of the executor `kured`. */
export const KuredSchema = z.strictObject({
  namespace: z.string().min(1).default("kube-system").describe("Namespace of the kured DaemonSet"),
  daemonSet: z.string().min(1).default("kured").describe("Name of the kured DaemonSet"),
  sentinel: z
    .string()
    .min(1)
    .default("/var/run/reboot-required")
    .describe("File on the host that makes kured reboot it"),
});

/** Settings of the executor `cluster-api`. */
export const ClusterAPISchema = z.strictObject({
  apiVersion: z
    .enum(["v1beta1", "v1beta2"])
    .default("v1beta2")
    .describe("Version of cluster.x-k8s.io in the management cluster"),
  namespace: z.string().min(1).default("default").describe("Namespace of the machines in the management cluster"),
  machineDeployments: z
    .record(z.string().min(1), z.string().min(1))
    .default({})
    .describe("Node pool to the MachineDeployment that makes its machines"),
});

/** How a node is rolled: `spec.roll`. */
export const RollSchema = z
  .strictObject({
    executor: z
      .enum(["job", "manual", "system-upgrade-controller", "kured", "cluster-api"])
      .default("job")
      .describe("Who carries out a wave. All share the gates and the marker; see the modes each can do"),
    mode: RollModeSchema.exactOptional(),
    image: z
      .string()
      .min(1)
      .default("docker.io/alpine/k8s:1.36.3")
      .describe(
        "Image with sh, coreutils or BusyBox, and kubectl that runs the wave, best pinned by digest (name:tag@sha256:…)",
      ),
    probeImage: z
      .string()
      .min(1)
      .default("registry.k8s.io/e2e-test-images/agnhost:2.53")
      .describe("Image of the pods that probe connectivity, best pinned by digest"),
    drainTimeoutSeconds: z
      .int()
      .min(30)
      .max(86_400)
      .default(1200)
      .describe("Longest time to empty one node; after it the roll stops and leaves the node cordoned"),
    deleteEmptyDirData: z
      .boolean()
      .default(true)
      .describe("Whether pods with emptyDir volumes may move; their emptyDir content is lost, as at every rollout"),
    deleteBarePods: z
      .boolean()
      .default(false)
      .describe("Whether pods without a controller may be deleted; nothing creates them again"),
    goldpinger: z
      .strictObject({
        url: url.describe("Address of Goldpinger inside the cluster, for example http://goldpinger.goldpinger:8080"),
        healthyAnswers: z
          .int()
          .min(1)
          .max(100)
          .default(3)
          .describe("Answers of /cluster_health in a row that must be healthy"),
        maxResponseSeconds: z
          .number()
          .positive()
          .describe(
            "Longest p99 of its pings in seconds, asked of prometheus, which has to scrape it. Absent: not asked",
          )
          .exactOptional(),
      })
      .describe("Goldpinger as a gate before and after each node")
      .exactOptional(),
    prometheus: z
      .strictObject({ url: url.describe("Address of Prometheus inside the cluster, without /api/v1") })
      .describe("Prometheus that answers serviceLevelGates")
      .exactOptional(),
    serviceLevelGates: z
      .array(ServiceLevelGateSchema)
      .default([])
      .describe("Your own signals that must be good before and after each node; needs prometheus"),
    systemUpgradeController: SystemUpgradeControllerSchema.describe(
      "Where system-upgrade-controller runs; read only with that executor",
    ).exactOptional(),
    kured: KuredSchema.describe("Where kured runs; read only with that executor").exactOptional(),
    clusterAPI: ClusterAPISchema.describe(
      "The management cluster; read only with the executor cluster-api",
    ).exactOptional(),
  })
  .meta({ id: "Roll", description: "How a node is rolled" });
