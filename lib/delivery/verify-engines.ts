import { digestAnnotation } from "../core/digest-placeholder.ts";
import type { Finding } from "../core/finding.ts";
import { getBoolean, getString, type JsonObject, type JsonValue } from "../core/json.ts";
import type { Plan } from "../plan/plan.ts";
import { engineObjectName, placeOf, repositoryPath, stageFolder } from "./layout.ts";
import type { PlanTree, StageStep, Transition } from "./plan-transition.ts";
import { tryParseObject } from "./stage-tree.ts";

/**
 * Rule 5: each engine of the plan has an object for every stage that is not held and for no other, and it says what the state
 * wants. An engine's object may go only when its stage is held again after a rollback.
 */
export function engineFindings(transition: Transition, steps: readonly StageStep[]): readonly Finding[] {
  const { before, after } = transition;
  const oldFiles = engineTexts(before);
  const youngFiles = engineTexts(after);
  const engines = (["argocd", "flux"] as const).filter((engine) => after.plan.spec.delivery.engines.includes(engine));
  const present = engines.flatMap((engine) =>
    steps.flatMap((step) => stateFindings(after.plan, step, { engine, text: youngFiles.get(`${engine}/${step.id}`) })),
  );
  const dropped = (["argocd", "flux"] as const)
    .filter((engine) => !after.plan.spec.delivery.engines.includes(engine))
    .flatMap((engine) =>
      steps
        .filter((step) => oldFiles.has(`${engine}/${step.id}`))
        .map((step) => droppedEngine(after.plan, step, engine)),
    );
  return [...present, ...dropped];
}

function engineTexts({ tree }: PlanTree): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [path, text] of tree) {
    const place = placeOf(path);
    if (place.area === "engine") texts.set(`${place.engine}/${place.stageId}`, text);
  }
  return texts;
}

interface EngineObject {
  readonly engine: "argocd" | "flux";
  readonly text: string | undefined;
}

function stateFindings(plan: Plan, step: StageStep, { engine, text }: EngineObject): readonly Finding[] {
  const isHeld = step.after.state === "held";
  if (step.bodyAfter === undefined || (isHeld && text === undefined)) return [];
  if (isHeld) return [wrongObject(plan, step, engine, "is there although the stage is held")];
  if (text === undefined) return [wrongObject(plan, step, engine, "is missing")];
  const object = tryParseObject(text);
  if (object === undefined) return [wrongObject(plan, step, engine, "is no YAML object")];
  return expectations(plan, step, engine)
    .filter((expected) => (expected.read(object) ?? null) !== expected.value)
    .map((expected) =>
      wrongObject(
        plan,
        step,
        engine,
        `should have ${expected.field} ${JSON.stringify(expected.value)}, it has ${JSON.stringify(expected.read(object) ?? null)}`,
      ),
    );
}

interface Expectation {
  readonly field: string;
  readonly value: JsonValue;
  readonly read: (object: JsonObject) => JsonValue | undefined;
}

function expectations(plan: Plan, step: StageStep, engine: "argocd" | "flux"): readonly Expectation[] {
  const folder = stageFolder(plan.name, step.id);
  const path = repositoryPath(plan, step.after.state === "rollback" ? `${folder}/undo` : folder);
  const digest = step.bodyAfter?.digest ?? "";
  return engine === "argocd" ? argocdExpectations(plan, step, { path, digest }) : fluxExpectations({ path, digest });
}

interface Wanted {
  readonly path: string;
  readonly digest: string;
}

function argocdExpectations(plan: Plan, step: StageStep, wanted: Wanted): readonly Expectation[] {
  const { argocd, revision } = plan.spec.delivery;
  const commit = Object.hasOwn(plan.stages, step.id) ? plan.stages[step.id]?.commit : undefined;
  const automated = ["spec", "syncPolicy", "automated"] as const;
  return [
    text("spec.source.path", wanted.path),
    text("spec.source.targetRevision", argocd.pinning === "commit" ? (commit ?? revision) : revision),
    annotation(["metadata", "annotations"], wanted.digest),
    flag([...automated, "enabled"], step.after.state !== "done"),
    flag([...automated, "prune"], false),
    flag([...automated, "selfHeal"], false),
  ];
}

function fluxExpectations(wanted: Wanted): readonly Expectation[] {
  return [
    text("spec.path", `./${wanted.path}`),
    annotation(["spec", "commonMetadata", "annotations"], wanted.digest),
    flag(["spec", "prune"], false),
    text("spec.deletionPolicy", "Orphan"),
    { field: "spec.suspend", value: false, read: (object) => getBoolean(object, "spec", "suspend") ?? false },
  ];
}

function text(field: string, value: string): Expectation {
  return { field, value, read: (object) => getString(object, ...field.split(".")) };
}

function flag(path: readonly string[], value: boolean): Expectation {
  return { field: path.join("."), value, read: (object) => getBoolean(object, ...path) };
}

function annotation(path: readonly string[], value: string): Expectation {
  return {
    field: `${path.join(".")}["${digestAnnotation}"]`,
    value,
    read: (object) => getString(object, ...path, digestAnnotation),
  };
}

function wrongObject(plan: Plan, step: StageStep, engine: "argocd" | "flux", problem: string): Finding {
  const kind = engine === "argocd" ? "Application" : "Kustomization";
  const namespace = engine === "argocd" ? plan.spec.delivery.argocd.namespace : plan.spec.delivery.flux.namespace;
  const name = engineObjectName(step.id);
  return {
    code: "delivery/engine-object",
    severity: "error",
    message: `${kind} ${name} ${problem}`,
    where: { object: `${kind}/${namespace}/${name}` },
    reason: `the plan says that stage ${step.id} is ${step.after.state}; the engine would do something else`,
    remedy: "run `metachron synth` and commit what it writes",
    data: { stage: step.id, engine, state: step.after.state },
  };
}

function droppedEngine(plan: Plan, step: StageStep, engine: "argocd" | "flux"): Finding {
  return {
    code: "delivery/engine-object",
    severity: "error",
    message: `stage ${step.id} loses its ${engine} object, because the plan no longer names ${engine}`,
    where: { file: plan.file, field: "spec.delivery.engines" },
    reason: `the stage was ${step.before.state}: an engine's object may go only when its stage is held again after a rollback`,
    remedy: `keep ${engine} in spec.delivery.engines until the migration is over`,
    data: { stage: step.id, engine },
  };
}
