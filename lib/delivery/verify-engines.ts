import { digestAnnotation } from "../core/digest-placeholder.ts";
import type { Finding } from "../core/finding.ts";
import { getBoolean, getString, type JsonObject, type JsonValue } from "../core/json.ts";
import type { Plan } from "../plan/plan.ts";
import { type EngineMode, engineMode } from "./engine-mode.ts";
import { engineObjectName, placeOf, repositoryPath, stageFolder } from "./layout.ts";
import type { PlanTree, StageStep, Transition } from "./plan-transition.ts";
import { tryParseObject } from "./stage-tree.ts";
import { entryOf } from "./transitions.ts";

/**
 * Rule 5: each engine of the plan has the objects that the states ask for (see `engineMode`), and they say what the states
 * want. An object that was there once may be switched off and never goes: nothing would remove it from the cluster.
 */
export function engineFindings(transition: Transition, steps: readonly StageStep[]): readonly Finding[] {
  const { before, after } = transition;
  const old = engineTexts(before);
  const young = engineTexts(after);
  const staged = steps.filter((step) => step.bodyAfter !== undefined);
  return (["argocd", "flux"] as const).flatMap((engine) =>
    after.plan.spec.delivery.engines.includes(engine)
      ? staged.flatMap((step, at) => {
          const mode = engineMode(after.plan, step.id, staged[at + 1]?.id);
          const wasThere = old.has(`${engine}/${step.id}`);
          return stageFindings(after.plan, step, { engine, mode, wasThere, text: young.get(`${engine}/${step.id}`) });
        })
      : staged.filter((step) => old.has(`${engine}/${step.id}`)).map((step) => droppedEngine(after.plan, step, engine)),
  );
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
  readonly mode: EngineMode;
  readonly wasThere: boolean;
  readonly text: string | undefined;
}

function stageFindings(plan: Plan, step: StageStep, found: EngineObject): readonly Finding[] {
  const { engine, mode, wasThere, text } = found;
  const wrong = (problem: string): readonly Finding[] => [wrongObject(plan, step, engine, problem)];
  if (!mode.isPresent && text === undefined) return wasThere ? [goneObject(plan, step, engine)] : [];
  if (!mode.isPresent) return wrong("is there although the stage was never opened");
  if (text === undefined) return wrong("is missing");
  const object = tryParseObject(text);
  if (object === undefined) return wrong("is no YAML object");
  return expectations(plan, step, found)
    .filter((expected) => (expected.read(object) ?? null) !== expected.value)
    .flatMap((expected) => {
      const has = JSON.stringify(expected.read(object) ?? null);
      return wrong(`should have ${expected.field} ${JSON.stringify(expected.value)}, it has ${has}`);
    });
}

interface Expectation {
  readonly field: string;
  readonly value: JsonValue;
  readonly read: (object: JsonObject) => JsonValue | undefined;
}

interface Wanted {
  readonly path: string;
  readonly digest: string;
  readonly mode: EngineMode;
}

function expectations(plan: Plan, step: StageStep, { engine, mode }: EngineObject): readonly Expectation[] {
  const folder = stageFolder(plan.name, step.id);
  const path = repositoryPath(plan, mode.usesUndo ? `${folder}/undo` : folder);
  const wanted = { path, mode, digest: step.bodyAfter?.digest ?? "" };
  return engine === "argocd" ? argocdExpectations(plan, step, wanted) : fluxExpectations(wanted);
}

function argocdExpectations(plan: Plan, step: StageStep, wanted: Wanted): readonly Expectation[] {
  const { argocd, revision } = plan.spec.delivery;
  const { commit } = entryOf(plan, step.id);
  const automated = ["spec", "syncPolicy", "automated"] as const;
  return [
    text("spec.source.path", wanted.path),
    text("spec.source.targetRevision", argocd.pinning === "commit" ? (commit ?? revision) : revision),
    annotation(["metadata", "annotations"], wanted.digest),
    flag([...automated, "enabled"], wanted.mode.argocdApplies),
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
    {
      field: "spec.suspend",
      value: !wanted.mode.fluxApplies,
      read: (object) => getBoolean(object, "spec", "suspend") ?? false,
    },
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

function goneObject(plan: Plan, step: StageStep, engine: "argocd" | "flux"): Finding {
  return {
    ...wrongObject(plan, step, engine, "goes, and nothing would remove it from the cluster"),
    reason: "it would go on applying whatever its directory holds later, with nothing in git to describe it",
    remedy: `keep stages.${step.id}.digest in the plan file, which says that the stage was opened once (\`metachron next\` does)`,
  };
}

function droppedEngine(plan: Plan, step: StageStep, engine: "argocd" | "flux"): Finding {
  return {
    code: "delivery/engine-object",
    severity: "error",
    message: `stage ${step.id} loses its ${engine} object, because the plan no longer names ${engine}`,
    where: { file: plan.file, field: "spec.delivery.engines" },
    reason: `the stage was ${step.before.state}, and its object would stay in the cluster, at work, with nothing to describe it`,
    remedy: `keep ${engine} in spec.delivery.engines until the migration is over`,
    data: { stage: step.id, engine },
  };
}
