import type { Inventory } from "../inventory/inventory.ts";
import type { Plan } from "../plan/plan.ts";
import type { Distribution } from "../source/distribution.ts";
import type { SourceDetection } from "../source/source.ts";
import type { HostPort } from "./host-ports.ts";
import type { ChartMinor } from "./known-values.ts";
import type { PodPool } from "./pod-cidrs.ts";
import type { ContinuityChoice } from "./target.ts";
import type { Tunnel } from "./tunnel.ts";

/** The API server's address that agents use instead of the kubernetes Service. */
export interface ServiceHost {
  readonly host: string;
  readonly port: number;
  /** Why this address, one line. */
  readonly why: string;
}

/** What the rules of the values read: everything decided before the first value. */
export interface TargetContext {
  readonly plan: Plan;
  readonly inventory: Inventory;
  readonly source: SourceDetection;
  readonly minor: ChartMinor;
  readonly distribution: Distribution;
  readonly pool: PodPool;
  readonly tunnel: Tunnel;
  readonly continuity: ContinuityChoice;
  /** Users of hostPorts through the CNI, see `hostPortsThroughCNI`. */
  readonly hostPorts: readonly HostPort[];
  readonly serviceHost: ServiceHost | undefined;
}
