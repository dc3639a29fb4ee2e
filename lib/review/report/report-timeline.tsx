import type { SealedStage } from "../../stages/seal-stages.ts";
import { count, duration } from "../markdown.ts";

const stateWords = { held: "held", open: "open", done: "done", rollback: "rolling back" } as const;

/** The stages in their order, with their state, what they do and what they touch. */
export function Timeline({ stages }: { readonly stages: readonly SealedStage[] }) {
  return (
    <section id="stages">
      <h2>Stages</h2>
      {stages.length === 0 && <p>No stage can be made yet: see the findings.</p>}
      <ol class="timeline">
        {stages.map((stage) => (
          <li key={stage.id} class={stage.state}>
            <strong>
              <a href={`stages/${stage.id}/STAGE.md`}>{stage.id}</a>
            </strong>{" "}
            {stage.title} <span class={`badge ${stage.state}`}>{stateWords[stage.state]}</span>
            <div class="soft">{extent(stage)}</div>
          </li>
        ))}
      </ol>
    </section>
  );
}

function extent(stage: SealedStage): string {
  const parts = [
    stage.nodes.length === 0 ? undefined : count(stage.nodes.length, "node"),
    count(stage.objects.length, "object"),
    stage.estimateSeconds === 0 ? undefined : `about ${duration(stage.estimateSeconds)}`,
    stage.attempt > 1 ? `attempt ${stage.attempt}` : undefined,
    stage.undo.length === 0 ? "no undo objects" : `undo with ${count(stage.undo.length, "object")}`,
  ];
  return parts.filter((part) => part !== undefined).join(", ");
}
