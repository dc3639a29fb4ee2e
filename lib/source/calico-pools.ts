import { printIdentity } from "../core/identity.ts";
import { getArray, getBoolean, getString } from "../core/json.ts";
import type { RawObject } from "../inventory/inventory.ts";
import { calicoObjects } from "./calico-objects.ts";
import type { ClusterView } from "./cluster-view.ts";
import { type Claim, claim } from "./kubernetes-network.ts";
import { readVariable, type Workload } from "./workload.ts";

/** One IP pool, from an IPPool object or from the Installation. */
export interface CalicoPool {
  readonly claim: Claim;
  readonly encapsulation: "vxlan" | "ipip" | "none";
  readonly isDisabled: boolean;
  readonly natOutgoing: boolean;
  /** Only for LoadBalancer addresses: no pod ever gets one. */
  readonly isForLoadBalancersOnly: boolean;
}

/** The pools: IPPool objects, else those of the Installation, else those of the agents' variables. */
export function readPools(
  view: ClusterView,
  installation: RawObject | undefined,
  agents: readonly Workload[],
): readonly CalicoPool[] {
  const objects = calicoObjects(view, "IPPool");
  if (objects.length > 0) return objects.flatMap(poolOfObject);
  const listed = poolsOfInstallation(installation);
  if (listed.length > 0) return listed;
  return agents.flatMap((agent) => [
    ...poolOfVariable(agent, "CALICO_IPV4POOL_CIDR", "CALICO_IPV4POOL_VXLAN", "CALICO_IPV4POOL_IPIP"),
    ...poolOfVariable(agent, "CALICO_IPV6POOL_CIDR", "CALICO_IPV6POOL_VXLAN", undefined),
  ]);
}

function poolOfObject(object: RawObject): readonly CalicoPool[] {
  const { spec } = object.object;
  const uses = getArray(spec, "allowedUses");
  return claim(getString(spec, "cidr"), printIdentity(object), "spec.cidr").map((one) => ({
    claim: one,
    encapsulation: poolEncapsulation(getString(spec, "vxlanMode"), getString(spec, "ipipMode")),
    isDisabled: getBoolean(spec, "disabled") === true,
    natOutgoing: getBoolean(spec, "natOutgoing") === true,
    isForLoadBalancersOnly: uses.length > 0 && uses.every((use) => use === "LoadBalancer"),
  }));
}

/** What a pool's two modes come to; VXLAN wins where both are set. */
export function poolEncapsulation(vxlan: string | undefined, ipip: string | undefined): CalicoPool["encapsulation"] {
  if (vxlan !== undefined && vxlan !== "Never" && vxlan !== "") return "vxlan";
  return ipip !== undefined && ipip !== "Never" && ipip !== "" ? "ipip" : "none";
}

function poolsOfInstallation(installation: RawObject | undefined): readonly CalicoPool[] {
  if (installation === undefined) return [];
  const path = ["calicoNetwork", "ipPools"] as const;
  const computed = getArray(installation.object, "status", "computed", ...path);
  const pools = computed.length > 0 ? computed : getArray(installation.object, "spec", ...path);
  return pools.flatMap((pool) => {
    // The operator's default for a pool that says nothing is IPIP (tigera/operator api/v1 IPPool).
    const encapsulation = getString(pool, "encapsulation") ?? "IPIP";
    return claim(getString(pool, "cidr"), printIdentity(installation), "spec.calicoNetwork.ipPools").map((one) => ({
      claim: one,
      encapsulation: encapsulation.startsWith("VXLAN") ? "vxlan" : encapsulation.startsWith("IPIP") ? "ipip" : "none",
      isDisabled: false,
      natOutgoing: getString(pool, "natOutgoing") !== "Disabled",
      isForLoadBalancersOnly: false,
    }));
  });
}

function poolOfVariable(agent: Workload, name: string, vxlan: string, ipip: string | undefined): readonly CalicoPool[] {
  return claim(readVariable(agent, name), printIdentity(agent), `env ${name}`).map((one) => ({
    claim: one,
    encapsulation: poolEncapsulation(readVariable(agent, vxlan), ipip && readVariable(agent, ipip)),
    isDisabled: false,
    natOutgoing: true,
    isForLoadBalancersOnly: false,
  }));
}

/** The blocks of addresses that are handed out to nodes. */
export function readBlocks(view: ClusterView): readonly Claim[] {
  return calicoObjects(view, "IPAMBlock").flatMap((block) =>
    claim(getString(block.object, "spec", "cidr"), printIdentity(block), "spec.cidr"),
  );
}

/** Every prefix that pods may have an address from: pools (not those for load balancers only) and blocks outside them. */
export function calicoPodClaims(config: {
  readonly pools: readonly CalicoPool[];
  readonly blocks: readonly Claim[];
}): readonly Claim[] {
  const pools = config.pools.filter((pool) => !pool.isForLoadBalancersOnly).map((pool) => pool.claim);
  return [...pools, ...config.blocks];
}
