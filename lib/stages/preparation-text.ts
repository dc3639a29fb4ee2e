import { renderYaml } from "../core/yaml.ts";
import type { SourcePreparation } from "../source/source.ts";

/** The settings of the source that a person changes, as a page: what, why, how, and how to take it back. */
export function preparationText(steps: readonly SourcePreparation[]): string {
  const blocks = steps.map((step, index) => {
    const parts = [
      `## ${index + 1}. ${step.title} (${step.necessity})`,
      step.why.endsWith(".") ? step.why : `${step.why}.`,
      step.object === undefined
        ? ""
        : `As an object for \`kubectl apply --server-side\`:\n\n\`\`\`yaml\n${renderYaml(step.object).trimEnd()}\n\`\`\``,
      step.commands.length === 0 ? "" : `\`\`\`sh\n${step.commands.join("\n")}\n\`\`\``,
      step.undo.length === 0 ? "" : `To take it back:\n\n\`\`\`sh\n${step.undo.join("\n")}\n\`\`\``,
    ];
    return parts.filter((part) => part !== "").join("\n\n");
  });
  return `# Settings of the source that a person changes\n\n${blocks.join("\n\n")}\n`;
}
