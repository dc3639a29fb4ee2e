import { compareText } from "../core/order.ts";
import { ownNamespace } from "../core/own-namespace.ts";
import type { Plan } from "../plan/plan.ts";

/** Namespace of the Jobs, their scripts and their markers. */
export const migrationNamespace = ownNamespace;

/** Name of the engines' objects that belong to the migration as a whole. */
export const migrationName = "metachron";

/** Directory of a stage, relative to the output folder: `kind-canal/stages/100-canary`. */
export function stageFolder(planName: string, stageId: string): string {
  return `${planName}/stages/${stageId}`;
}

/** Path of the file with a stage's engine object, relative to the output folder. */
export function engineFile(engine: "argocd" | "flux", planName: string, stageId: string): string {
  return engine === "argocd"
    ? `${planName}/argocd/apps/${stageId}.yaml`
    : `${planName}/flux/kustomizations/${stageId}.yaml`;
}

/** A path of the output folder as the repository knows it: `dist/kind-canal/stages/100-canary`, without a leading `./`. */
export function repositoryPath(plan: Plan, path: string): string {
  const steps = `${plan.spec.delivery.path}/${path}`.split("/").filter((step) => step !== "" && step !== ".");
  return steps.join("/");
}

/** Name of a stage's Application or Kustomization: `metachron-100-canary`. */
export function engineObjectName(stageId: string): string {
  return `${migrationName}-${stageId}`;
}

/**
 * Orders stage ids: as texts, so that a wave can be put between two others by a longer number (`1305-…` follows `130-…`).
 * The ids are made so that this is the order of the migration.
 */
export const compareStageIds: (a: string, b: string) => number = compareText;

/** What a path of a rendered tree belongs to. */
export type TreePlace =
  /** A file of a stage; `file` is relative to the stage's directory. */
  | { readonly area: "stage"; readonly stageId: string; readonly file: string }
  /** An engine's object for one stage. */
  | { readonly area: "engine"; readonly engine: "argocd" | "flux"; readonly stageId: string }
  /** The Cilium release as an engine carries it. */
  | { readonly area: "release"; readonly engine: "argocd" | "flux" }
  /** What a person applies once to make an engine look at the rest. */
  | { readonly area: "bootstrap"; readonly engine: "argocd" | "flux" }
  /** A page for people. */
  | { readonly area: "page" };

/**
 * Reads a path of a rendered tree. Paths may start with the plan's folder (`kind-canal/stages/…`) or below it (`stages/…`).
 * Everything that has no other place is a page.
 */
export function placeOf(path: string): TreePlace {
  const stage = /^(?:[^/]+\/)?stages\/([^/]+)\/(.+)$/u.exec(path);
  if (stage !== null) return { area: "stage", stageId: stage[1] ?? "", file: stage[2] ?? "" };
  const engine = /^(?:[^/]+\/)?(?:(argocd)\/(apps\/)?|(flux)\/(kustomizations\/)?)(.+)$/u.exec(path);
  if (engine === null) return { area: "page" };
  const name = engine[1] === undefined ? "flux" : "argocd";
  const isLive = engine[2] !== undefined || engine[4] !== undefined;
  return enginePlace(name, isLive, engine[5] ?? "");
}

function enginePlace(engine: "argocd" | "flux", isLive: boolean, file: string): TreePlace {
  if (!isLive) return { area: "bootstrap", engine };
  if (file.startsWith("cilium")) return { area: "release", engine };
  const stageId = /^(\d[^/]*)\.yaml$/u.exec(file)?.[1];
  return stageId === undefined ? { area: "bootstrap", engine } : { area: "engine", engine, stageId };
}
