import type { Inventory } from "../../lib/inventory/inventory.ts";
import { budget, control, inventory, node, pod } from "./clusters.ts";

const zones = ["eu-a", "eu-b", "eu-c"];
const mebibyte = 1024 ** 2;

/**
 * A made-up cluster of any size: three zones, a general and a gpu pool, three control plane nodes, ten pods a node of
 * workloads with two to a hundred replicas, every other one with a PodDisruptionBudget, every fifth spread by anti-affinity.
 */
export function bigCluster(nodes: number, pods: number, workloads: number): Inventory {
  const nameOf = (at: number): string => `node-${String(at + 1).padStart(4, "0")}`;
  const list = [
    ...Array.from({ length: 3 }, (_, at) => control(`control-${at + 1}`, { zone: zones[at] ?? "eu-a" })),
    ...Array.from({ length: nodes - 3 }, (_, at) =>
      node(nameOf(at), { pool: at % 20 === 19 ? "gpu" : "general", zone: zones[at % 3] ?? "eu-a" }),
    ),
  ];
  const everyPod = Array.from({ length: pods }, (_, at) => {
    const workload = at % workloads;
    const name = `team-${workload % 100}/app${workload}-${Math.floor(at / workloads)}`;
    const isSpread = workload % 5 === 0;
    return pod(name, nameOf((at * 7919 + workload * 31) % (nodes - 3)), {
      requests: { cpu: 0.05 + (workload % 7) / 10, memory: (64 + (workload % 9) * 100) * mebibyte },
      ...(isSpread && {
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { labelSelector: { matchLabels: { app: `app${workload}` } }, topologyKey: "kubernetes.io/hostname" },
            ],
          },
        },
      }),
      tolerations: [
        { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
      ],
    });
  });
  const budgets = Array.from({ length: Math.floor(workloads / 2) }, (_, at) =>
    budget(`team-${(2 * at) % 100}/app${2 * at}`, at % 3 === 0 ? { maxUnavailable: 1 } : { maxUnavailable: "10%" }),
  );
  return inventory(list, everyPod, budgets);
}
