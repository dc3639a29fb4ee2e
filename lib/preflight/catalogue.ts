import { addressChecks } from "./address-checks.ts";
import { apiChecks } from "./api-checks.ts";
import { automationChecks } from "./automation-checks.ts";
import type { CatalogueEntry } from "./catalogue-entry.ts";
import { imageChecks } from "./image-checks.ts";
import { nodeChecks } from "./node-checks.ts";
import { policyChecks } from "./policy-checks.ts";
import { poolChecks } from "./pool-checks.ts";
import { serviceChecks } from "./service-checks.ts";
import { sourceChecks } from "./source-checks.ts";
import { trafficChecks } from "./traffic-checks.ts";
import { workloadChecks } from "./workload-checks.ts";

/** One part of the catalogue, as the manual shows it. */
export interface CatalogueGroup {
  readonly title: string;
  readonly entries: readonly CatalogueEntry[];
}

/** The catalogue by subject. */
export const catalogueGroups: readonly CatalogueGroup[] = [
  { title: "Source and strategy", entries: sourceChecks },
  { title: "Addresses, ports and packet sizes", entries: addressChecks },
  { title: "Nodes", entries: [...nodeChecks, ...poolChecks] },
  { title: "Services", entries: serviceChecks },
  { title: "Traffic", entries: trafficChecks },
  { title: "Workloads", entries: workloadChecks },
  { title: "Network policy", entries: policyChecks },
  { title: "API server and the agents' namespace", entries: apiChecks },
  { title: "Automation", entries: automationChecks },
  { title: "Images of the waves", entries: imageChecks },
];

/** Every question of the preflight, group by group. */
export const catalogue: readonly CatalogueEntry[] = catalogueGroups.flatMap((group) => group.entries);
