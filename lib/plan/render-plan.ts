import { Document, isMap, isPair, isScalar, isSeq, type Node, type Pair } from "yaml";
import { InvariantError } from "../core/invariant.ts";
import type { JsonObject } from "../core/json.ts";
import type { InitFacts } from "./init-facts.ts";
import { initPlan, proposeGroups } from "./init-plan.ts";
import { explainFields } from "./plan-comments.ts";
import { PlanFileSchema } from "./plan-schema.ts";

/** Where editors find the schema when the package is installed beside the plans folder. */
const defaultSchema = "../node_modules/metachron/schemas/plan.schema.json";

/** Keys whose value is written in one line. */
const inline =
  /^(metadata|spec\.target\.(podCIDRs|devices|values|chart)|spec\.reservedCIDRs|spec\.waves\.canary\.from|spec\.waves\.groups\[\d+\]|spec\.roll\.(goldpinger|prometheus|serviceLevelGates)|spec\.policies\.accept|spec\.delivery\.(engines|argocd|flux)|spec\.preflight\.accept|stages)$/;

/**
 * The plan file that `init` writes: every choice of the format with its value, why this value, and what else could stand
 * there, as comments. `readPlan` gives the same plan as `initPlan(facts)`.
 */
export function renderPlan(facts: InitFacts): string {
  const parsed = PlanFileSchema.safeParse(initPlan(facts));
  if (!parsed.success)
    throw new InvariantError("the proposed plan breaks the schema", { issues: parsed.error.message });
  const document = new Document(JSON.parse(JSON.stringify(parsed.data)) as JsonObject, {
    aliasDuplicateObjects: false,
  });
  const comments = new Map([...explainFields(facts), ...groupComments(facts)]);
  decorate(document.contents, "", comments);
  const body = document.toString({ lineWidth: 0, indentSeq: true, flowCollectionPadding: true });
  return `# yaml-language-server: $schema=${facts.schema ?? defaultSchema}\n${wrapComment(heading(facts)).join("\n")}\n\n${body}`;
}

function heading(facts: InitFacts): string {
  return `The migration plan ${facts.name}, written by metachron init. Read it from top to bottom, change what you know better, then run metachron synth --plan on it. Nothing here touches the cluster: synth writes files for review, and a stage is applied only after its state in the last part of this file was changed and merged.`;
}

function groupComments(facts: InitFacts): readonly (readonly [string, string])[] {
  return proposeGroups(facts).map(({ why }, at) => [`spec.waves.groups[${at}]`, why] as const);
}

/** Puts comments above keys and list elements, and short collections on one line. */
function decorate(node: unknown, path: string, comments: ReadonlyMap<string, string>): void {
  if (isMap(node)) {
    node.flow = inline.test(path) || node.items.length === 0;
    for (const [at, pair] of node.items.entries()) decoratePair(pair, path, at > 0 && path === "spec", comments);
  }
  if (isSeq(node)) {
    node.flow = inline.test(path) || node.items.length === 0;
    for (const [at, item] of node.items.entries()) {
      comment(item, comments.get(`${path}[${at}]`));
      decorate(item, `${path}[${at}]`, comments);
    }
  }
}

function decoratePair(pair: Pair, path: string, isSpaced: boolean, comments: ReadonlyMap<string, string>): void {
  if (!isPair(pair) || !isScalar(pair.key)) return;
  const field = path === "" ? String(pair.key.value) : `${path}.${pair.key.value}`;
  comment(pair.key, comments.get(field));
  if (isSpaced || field === "stages" || field === "spec") pair.key.spaceBefore = true;
  decorate(pair.value, field, comments);
}

function comment(node: unknown, text: string | undefined): void {
  if (text === undefined || typeof node !== "object" || node === null) return;
  (node as Node).commentBefore = wrapComment(text)
    .map((line) => line.slice(1))
    .join("\n");
}

/** Lines of a comment, each with its sign, at most 100 signs of text. Line breaks of the text are kept. */
function wrapComment(text: string): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [];
    let line = "#";
    for (const word of paragraph.split(" ")) {
      if (line.length + word.length > 100 && line !== "#") {
        lines.push(line);
        line = "#";
      }
      line += ` ${word}`;
    }
    return [...lines, line];
  });
}
