import type { StageState } from "../../plan/plan.ts";
import type { PlannedMigration } from "../../stages/planned-migration.ts";
import type { Wave, WaveNode } from "../../waves/waves.ts";
import { count } from "../markdown.ts";

/** Every node of the inventory in the wave that takes it, coloured by the wave's state; then those that no wave takes. */
export function NodeMap({ migration }: { readonly migration: PlannedMigration }) {
  const { waves, excluded } = migration.waves;
  const states = new Map(migration.stages.map((stage) => [stage.id, stage.state]));
  return (
    <section id="nodes">
      <h2>Nodes</h2>
      <p class="soft">
        Number: pods that are moved or restarted. Double edge: control plane. Coloured edge: open, done or rolling back.
      </p>
      {waves.map((wave) => (
        <WaveRow key={wave.id} wave={wave} state={states.get(wave.id) ?? "held"} />
      ))}
      {excluded.length > 0 && (
        <div class="wave unmoved">
          <div>
            <strong>in no wave</strong>
          </div>
          <div class="nodes">
            {excluded.map(({ node, why }) => (
              <span key={node} class="node" title={why}>
                {node}: {why}
              </span>
            ))}
          </div>
        </div>
      )}
    </section>
  );
}

function WaveRow({ wave, state }: { readonly wave: Wave; readonly state: StageState }) {
  return (
    <div class={`wave ${state}`}>
      <div>
        <strong>{wave.id}</strong>
        <div class="soft">
          {count(wave.nodes.length, "node")}
          {wave.zones.length > 0 && `, ${wave.zones.join(", ")}`}
        </div>
      </div>
      <div class="nodes">
        {wave.nodes.map((node) => (
          <NodeCell key={node.name} node={node} />
        ))}
      </div>
    </div>
  );
}

function NodeCell({ node }: { readonly node: WaveNode }) {
  const kind = [node.isControlPlane ? "control" : "", node.isGone === true ? "gone" : ""].filter((word) => word !== "");
  return (
    <span class={["node", ...kind].join(" ")} title={eyes(node)}>
      {node.name} {node.podsToMove + node.daemonSetPods}
    </span>
  );
}

/** What a person must look at before the node rolls. */
function eyes(node: WaveNode): string {
  const parts = [
    `pool ${node.pool}`,
    node.zone,
    node.barePods.length === 0 ? undefined : `pods without a controller: ${node.barePods.join(", ")}`,
    node.localStoragePods.length === 0 ? undefined : `pods with local storage: ${node.localStoragePods.join(", ")}`,
    node.hostPorts.length === 0 ? undefined : `host ports ${node.hostPorts.join(", ")}`,
    node.isGone === true ? "not in the inventory any more" : undefined,
  ];
  return parts.filter((part) => part !== undefined).join("; ");
}
