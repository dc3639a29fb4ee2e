import type { NodeSelection } from "../plan/plan.ts";
import type { NodeView } from "./cluster-view.ts";

/** Whether a node meets every term of a selection; an empty selection takes every node. */
export function isSelected(view: NodeView, selection: NodeSelection): boolean {
  return (
    (selection.pool === undefined || view.pool === selection.pool) &&
    (selection.zone === undefined || view.zone === selection.zone) &&
    (selection.names === undefined || selection.names.includes(view.node.name)) &&
    Object.entries(selection.labels ?? {}).every(([key, value]) => view.node.labels[key] === value)
  );
}

/** A selection in words: `pool gpu in zone eu-a`; `every node` for an empty one. */
export function printSelection(selection: NodeSelection): string {
  const labels = Object.entries(selection.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const words = [
    ...(selection.pool === undefined ? [] : [`pool ${selection.pool}`]),
    ...(selection.zone === undefined ? [] : [`zone ${selection.zone}`]),
    ...(labels.length === 0 ? [] : [`labels ${labels.join(", ")}`]),
    ...(selection.names === undefined ? [] : [`nodes ${selection.names.join(", ")}`]),
  ];
  return words.length === 0 ? "every node" : words.join(", ");
}
