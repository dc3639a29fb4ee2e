import { sortedUnique } from "../core/order.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Plan } from "../plan/plan.ts";
import { isOpened, type RenderedCatchAll } from "./rendered-stages.ts";

/** Nodes that join while the migration runs. */
export interface NewNodes {
  /** Hostnames that the catch-all CiliumNodeConfig leaves out, sorted: the nodes that waves take, and all others that were there. */
  readonly knownHostnames: readonly string[];
  /** Names of nodes that joined after the catch-all was opened, sorted: they came up on Cilium, and no wave takes them. */
  readonly joined: readonly string[];
}

/**
 * Which nodes the catch-all leaves out, and which it has taken.
 *
 * Until its stage is opened it knows every node of the inventory. From then on it never changes again, so a node that it does
 * not know joined later and started on Cilium.
 */
export function planNewNodes(plan: Plan, inventory: Inventory, rendered: RenderedCatchAll | undefined): NewNodes {
  const hostnames = inventory.nodes.flatMap((node) => (node.hostname === undefined ? [] : [node.hostname]));
  if (plan.spec.newNodes !== "cilium" || rendered === undefined || !isOpened(plan, rendered.id))
    return { knownHostnames: sortedUnique(hostnames), joined: [] };
  const known = new Set(rendered.knownHostnames);
  const joined = inventory.nodes.flatMap((node) =>
    node.hostname === undefined || known.has(node.hostname) ? [] : [node.name],
  );
  return { knownHostnames: rendered.knownHostnames, joined: sortedUnique(joined) };
}
