import { z } from "zod";

/** A DNS-1123 label, the form of most names in Kubernetes; at most 63 signs. */
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

const labels = z.record(z.string().min(1), z.string());
const names = z.array(z.string().min(1));

const selectionShape = {
  pool: z
    .string()
    .min(1)
    .describe(
      "Node pool: the label metachron.dev/pool, else the pool label of the cloud or distribution, else the node's role, else `general`",
    )
    .exactOptional(),
  zone: z.string().min(1).describe("Value of the node label topology.kubernetes.io/zone").exactOptional(),
  labels: labels.describe("Node labels that must all have exactly these values").exactOptional(),
  names: names.describe("Names of nodes (metadata.name); a name that no node has is an error").exactOptional(),
};

/** Which nodes: every given term must hold, an empty selection is every node. */
export const NodeSelectionSchema = z
  .strictObject(selectionShape)
  .meta({ id: "NodeSelection", description: "Which nodes: every given term must hold; empty means every node" });

/** What happens to the pods of a node. */
export const RollModeSchema = z.enum(["evict", "recycle", "reboot", "replace"]).meta({
  id: "RollMode",
  description:
    "evict: through the eviction API, budgets respected, no reboot. recycle: sandboxes restarted in place, pods stay on their node. reboot: drain and reboot. replace: the machine is replaced by a new one. Absent: evict where the executor can, else the one mode it has",
});

/** One group of waves. */
export const WaveGroupSchema = z
  .strictObject({
    ...selectionShape,
    size: z.int().min(1).describe("Most nodes in one wave of this group, at least 1"),
    roll: z
      .strictObject({
        mode: RollModeSchema.describe("Roll mode of this group instead of spec.roll.mode").exactOptional(),
      })
      .describe("Settings of the roll for this group only")
      .exactOptional(),
  })
  .meta({ id: "WaveGroup", description: "Nodes that migrate in waves of at most `size`, after the groups above it" });

/** A name for directories and objects: lower-case letters, digits and dashes. */
export const NameSchema = z.string().regex(label, "use lower-case letters, digits and dashes, at most 63 signs");
