import type { Finding } from "../../core/finding.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Plan } from "../../plan/plan.ts";
import { migrationName, repositoryPath } from "../layout.ts";
import { fluxObject } from "./flux-object.ts";

/**
 * The migration's own GitRepository: suspending it freezes the migration and nothing else. It looks only at what Flux
 * applies, so that an inventory or a page changes no artifact.
 */
export function gitRepository(plan: Plan): JsonObject {
  const { repoURL, revision, flux } = plan.spec.delivery;
  return fluxObject(plan, "GitRepository", migrationName, {
    interval: "5m",
    url: repoURL,
    ref: { branch: revision },
    ...(flux.secretRef !== undefined && { secretRef: { name: flux.secretRef } }),
    ignore: ignoreAllBut(plan),
  });
}

/** In the language of .gitignore, where a directory can be taken back in only when each of its parents is. */
function ignoreAllBut(plan: Plan): string {
  const steps = repositoryPath(plan, plan.name).split("/");
  const lines: string[] = ["/*"];
  for (let depth = 1; depth <= steps.length; depth += 1) {
    const folder = steps.slice(0, depth).map(escapeIgnore).join("/");
    lines.push(`!/${folder}`, `/${folder}/*`);
  }
  const folder = steps.map(escapeIgnore).join("/");
  return `${[...lines, `!/${folder}/stages`, `!/${folder}/flux`].join("\n")}\n`;
}

function escapeIgnore(step: string): string {
  return step.replace(/[\\*?[\]!# ]/gu, "\\$&");
}

/**
 * Refuses an address that the GitRepository's schema refuses, such as git's short form `git@host:path`.
 *
 * Findings: `delivery/repo-url`.
 */
export function repositoryFindings(plan: Plan): readonly Finding[] {
  const url = plan.spec.delivery.repoURL;
  if (/^(?:http|https|ssh):\/\/.*$/u.test(url)) return [];
  const short = /^([^@/:]+@)?([^:/]+):(?!\/\/)(.+)$/u.exec(url);
  const suggestion = short === null ? undefined : `ssh://${short[1] ?? "git@"}${short[2]}/${short[3]}`;
  return [
    {
      code: "delivery/repo-url",
      severity: "error",
      message: `Flux does not take the repository address ${url}`,
      where: { file: plan.file, field: "spec.delivery.repoURL" },
      reason: "a GitRepository's url has to start with http://, https:// or ssh://",
      remedy: `write ${suggestion ?? "an address that starts with https:// or ssh://"}`,
      data: { url },
    },
  ];
}
