import type { Finding } from "../core/finding.ts";
import { whereOf } from "../core/finding.ts";
import type { NodeSelection, Plan } from "../plan/plan.ts";
import type { ClusterView, NodeView } from "./cluster-view.ts";
import { isSelected, printSelection } from "./select-nodes.ts";
import { waveFinding } from "./wave-finding.ts";

/** Which nodes can be in waves, and why the others cannot. */
export interface ScreenedNodes {
  /** Sorted by name. */
  readonly eligible: readonly NodeView[];
  readonly excluded: readonly { readonly node: string; readonly why: string }[];
  readonly findings: readonly Finding[];
}

/**
 * Parts the nodes that can migrate from those that cannot: no or no unique hostname label, Windows, not Ready, excluded by
 * the plan, migrated already. Nodes of waves that were opened (`locked`, by hostname) are not judged again.
 */
export function screenNodes(
  cluster: ClusterView,
  plan: Plan,
  alreadyMigrated: ReadonlySet<string>,
  locked: ReadonlySet<string>,
): ScreenedNodes {
  const eligible: NodeView[] = [];
  const excluded: { node: string; why: string }[] = [];
  const findings: Finding[] = [];
  const nodesByHostname = new Map<string, string[]>();
  for (const { node } of cluster.nodes)
    if (node.hostname !== undefined)
      nodesByHostname.set(node.hostname, [...(nodesByHostname.get(node.hostname) ?? []), node.name]);

  for (const view of cluster.nodes) {
    const { node } = view;
    if (node.hostname !== undefined && locked.has(node.hostname)) continue;
    const refusal = refuse(view, plan.spec.waves.exclude, alreadyMigrated, nodesByHostname);
    if (refusal === undefined) eligible.push(view);
    else {
      excluded.push({ node: node.name, why: refusal.why });
      findings.push(refusal.finding);
    }
    findings.push(...remarks(view, refusal === undefined));
  }
  return { eligible, excluded, findings };
}

/** Kubernetes, Labels and Selectors: at most 63 signs, letters, digits, dashes, underscores and dots. */
const labelValue = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

interface Refusal {
  readonly why: string;
  readonly finding: Finding;
}

function refuse(
  view: NodeView,
  exclude: NodeSelection | undefined,
  alreadyMigrated: ReadonlySet<string>,
  nodesByHostname: ReadonlyMap<string, readonly string[]>,
): Refusal | undefined {
  const { node } = view;
  const where = whereOf(node, node.position);
  const { hostname } = node;
  if (hostname === undefined || !labelValue.test(hostname))
    return {
      why: hostname === undefined ? "it has no label kubernetes.io/hostname" : "its hostname label is no label value",
      finding: waveFinding("waves/no-hostname-label", {
        message:
          hostname === undefined
            ? `The node ${node.name} has no label kubernetes.io/hostname`
            : `The node ${node.name} has the hostname label ${JSON.stringify(hostname)}, which no selector can name`,
        where: { ...where, field: "metadata.labels" },
        reason: "A CiliumNodeConfig selects nodes by this label, so the node could never be switched",
        remedy: `Set it: kubectl label node ${node.name} kubernetes.io/hostname=<name>, then take the inventory again`,
      }),
    };
  const namesakes = (nodesByHostname.get(hostname) ?? []).filter((name) => name !== node.name);
  if (namesakes.length > 0)
    return {
      why: `it shares the hostname label ${hostname} with ${namesakes.join(", ")}`,
      finding: waveFinding("waves/duplicate-hostname", {
        message: `The nodes ${[node.name, ...namesakes].join(" and ")} share the hostname label ${hostname}`,
        where: { ...where, field: "metadata.labels" },
        reason: "A CiliumNodeConfig selects nodes by this label, so both would be switched at once",
        remedy: "Give each node a hostname label of its own, then take the inventory again",
        data: { hostname, nodes: [node.name, ...namesakes] },
      }),
    };
  if (node.nodeInfo.operatingSystem !== undefined && node.nodeInfo.operatingSystem !== "linux")
    return {
      why: `it runs ${node.nodeInfo.operatingSystem}, where Cilium does not run`,
      finding: waveFinding("waves/windows-node", {
        message: `The node ${node.name} runs ${node.nodeInfo.operatingSystem}, where Cilium does not run`,
        where,
        reason: "It needs the source for as long as it is in the cluster, and its pods lose their way to migrated pods",
        remedy: "Move its workloads to another cluster before the migration, or keep the source for this pool",
      }),
    };
  if (alreadyMigrated.has(hostname) || alreadyMigrated.has(node.name))
    return {
      why: "it runs on the target already",
      finding: waveFinding("waves/already-migrated", {
        message: `The node ${node.name} runs on the target already`,
        where,
      }),
    };
  if (exclude !== undefined && isSelected(view, exclude))
    return {
      why: `the plan excludes ${printSelection(exclude)}`,
      finding: waveFinding("waves/excluded-node", {
        message: `The node ${node.name} is excluded by the plan`,
        where: { ...where, field: "spec.waves.exclude" },
        reason: "It keeps the source, so the source cannot be removed while the node is in the cluster",
        remedy: "Migrate it in a later plan, or take it out of the cluster before the source is removed",
      }),
    };
  if (!node.isReady)
    return {
      why: "it is not Ready",
      finding: waveFinding("waves/not-ready", {
        message: `The node ${node.name} is not Ready`,
        where: { ...where, field: "status.conditions" },
        reason: "A node that is not Ready cannot be checked, and a roll would stop at it",
        remedy: "Repair or remove it, then take the inventory again: it joins a wave that is still held",
      }),
    };
  return undefined;
}

function remarks({ node }: NodeView, isEligible: boolean): readonly Finding[] {
  if (!isEligible) return [];
  const where = whereOf(node, node.position);
  const unwell = node.unhealthyConditions.filter((type) => type !== "Ready" && type !== "NotReady");
  return [
    ...(unwell.length === 0
      ? []
      : [
          waveFinding("waves/unhealthy-node", {
            message: `The node ${node.name} reports ${unwell.join(", ")}`,
            where: { ...where, field: "status.conditions" },
            remedy: "Look at it before its wave is opened: a node under pressure refuses pods",
          }),
        ]),
    ...(node.isUnschedulable
      ? [
          waveFinding("waves/cordoned-node", {
            message: `The node ${node.name} is cordoned; it migrates and stays cordoned`,
            where: { ...where, field: "spec.unschedulable" },
          }),
        ]
      : []),
  ];
}
