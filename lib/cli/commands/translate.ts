import { compareFindings, type Finding } from "../../core/finding.ts";
import { identityOf, type ObjectIdentity, printIdentity } from "../../core/identity.ts";
import { renderYaml } from "../../core/yaml.ts";
import type { Inventory } from "../../inventory/inventory.ts";
import { writeTextFiles } from "../../io/write-text-files.ts";
import { readCalicoPolicies } from "../../policy/calico/read-calico-policies.ts";
import type { World } from "../../policy/space/world.ts";
import { emptyWorld, worldOf } from "../../policy/space/world-of.ts";
import { translatePolicies } from "../../policy/translate/translate-policies.ts";
import type { PolicyTranslation, TranslatedObject, Translation } from "../../policy/translate/translation.ts";
import { count } from "../../review/markdown.ts";
import { detectSource } from "../../source/detect-source.ts";
import type { ExitCode } from "../exit-code.ts";
import { allObjects, loadInventory, uniqueFindings } from "../load-inventory.ts";
import { createPaint } from "../paint.ts";
import { endWithoutResult, printFindingsAs, printFindingsBeside, printJson, wrongUse } from "../print-report.ts";
import type { Report } from "../reports/reports.ts";
import type { Streams } from "../streams.ts";
import { readVariables } from "../template-variables.ts";

interface TranslateOptions {
  readonly inventory?: readonly string[];
  /** `NAME=VALUE` for each `${NAME}` in the policies. */
  readonly substitute?: readonly string[];
  readonly out?: string;
  readonly cilium: string;
  readonly format: "text" | "json" | "sarif" | "github";
}

/** `metachron translate`: policies in, Cilium policies out. */
export async function translate(
  operands: readonly string[],
  options: TranslateOptions,
  streams: Streams,
): Promise<ExitCode> {
  const paths = operands.length > 0 ? operands : streams.isInTerminal ? [] : ["-"];
  if (paths.length === 0) {
    const nothing = wrongUse(
      "there are no policies to translate",
      "name files or directories with policies, or pipe them in: kubectl get … -o yaml | metachron translate",
    );
    return endWithoutResult([nothing], 2, options, streams);
  }
  const variables = readVariables(options.substitute ?? []);
  if (typeof variables === "string") return endWithoutResult([wrongUse(variables)], 2, options, streams);
  const input = await loadInventory(paths, "policies", streams);
  const cluster =
    options.inventory === undefined ? undefined : await loadInventory(options.inventory, "cluster", streams);
  // The reader of policies tells variables by field, and fills in those that have a value.
  const loading = [...input.findings, ...(cluster?.findings ?? [])].filter(
    ({ code }) => code !== "inventory/unresolved-variable",
  );
  if (input.value === undefined || (cluster !== undefined && cluster.value === undefined)) {
    return endWithoutResult(loading, 2, options, streams);
  }
  const world = worldFor(cluster?.value, options.cilium);
  const own = allObjects(input.value);
  // Policies and network sets of the cluster that were not given count, too: rules are written beside them.
  const names = new Set(own.map(nameOf));
  const others =
    cluster?.value === undefined ? [] : allObjects(cluster.value).filter((object) => !names.has(nameOf(object)));
  const read = readCalicoPolicies([...own, ...others], { variables });
  const all = translatePolicies(read.value ?? emptySet, world, {});
  const translation = { ...all, policies: all.policies.filter(({ source }) => names.has(nameOf(source))) };
  const foreign = new Set(
    others.map(printIdentity).filter((name) => !own.some((object) => printIdentity(object) === name)),
  );
  const findings = uniqueFindings([
    ...loading,
    ...read.findings.filter(({ where }) => where?.object === undefined || !foreign.has(where.object)),
    ...translation.findings,
    ...translation.policies.flatMap((policy) => policy.findings),
  ]).toSorted(compareFindings);
  const outputs = fileNames(translation);
  if (options.out !== undefined) {
    const texts = new Map([...outputs].map(([output, file]) => [file, renderOutput(output)]));
    const written = await writeTextFiles(options.out, texts);
    if (written.length > 0) return endWithoutResult(written, 2, options, streams);
  }
  print(translation, outputs, findings, options, streams);
  return translation.policies.every(isExact) && !findings.some((finding) => finding.severity === "error") ? 0 : 1;
}

/** One object whichever of Calico's two API groups it was read through. */
function nameOf(object: ObjectIdentity): string {
  const owner = object.apiVersion.includes("projectcalico.org") ? "calico" : object.apiVersion;
  return `${owner} ${printIdentity(object)}`;
}

const emptySet = { tiers: [], policies: [], networkSets: [], hostEndpoints: [], profiles: [] };

function isExact(policy: PolicyTranslation): boolean {
  return policy.result === "exact" || policy.result === "carved";
}

function worldFor(cluster: Inventory | undefined, version: string): World {
  if (cluster === undefined) return emptyWorld({ version });
  const { facts } = detectSource(cluster, "auto");
  return worldOf(cluster, { sourcePodCIDRs: facts.podCIDRs, targetPodCIDRs: [], ciliumValues: {}, version });
}

/** File names by output: kind, namespace and name, told apart by a number where two would be the same. */
function fileNames(translation: Translation): ReadonlyMap<TranslatedObject, string> {
  const taken = new Set<string>();
  const names = new Map<TranslatedObject, string>();
  for (const output of translation.policies.flatMap((policy) => policy.outputs)) {
    const { kind, namespace, name } = identityOf(output.object);
    const base = [kind.toLowerCase(), ...(namespace === undefined ? [] : [namespace]), name].join("-");
    let file = `${base}.yaml`;
    for (let number = 2; taken.has(file); number += 1) file = `${base}-${number}.yaml`;
    taken.add(file);
    names.set(output, file);
  }
  return names;
}

function renderOutput(output: TranslatedObject): string {
  return renderYaml(output.object, { comment: output.comment, keepKeyOrder: true });
}

function print(
  translation: Translation,
  outputs: ReadonlyMap<TranslatedObject, string>,
  findings: readonly Finding[],
  options: TranslateOptions,
  streams: Streams,
): void {
  switch (options.format) {
    case "json":
      printJson("TranslationReport", reportOf(translation, outputs, findings), streams);
      return;
    case "sarif":
    case "github":
      printFindingsAs(options.format, findings, streams);
      return;
    case "text":
      if (options.out === undefined) streams.out([...outputs.keys()].map(renderOutput).join("---\n"));
      printFindingsBeside(findings, streams);
      streams.error(summary(translation, options, streams));
  }
}

function reportOf(
  translation: Translation,
  outputs: ReadonlyMap<TranslatedObject, string>,
  findings: readonly Finding[],
): Report<"TranslationReport"> {
  return {
    policies: translation.policies.map((policy) => {
      const { position, ...identity } = policy.source;
      return {
        source: { ...identity, ...(position.file !== undefined && { file: position.file }) },
        result: policy.result,
        outputs: policy.outputs.map((output) => {
          const { apiVersion: _, ...own } = identityOf(output.object);
          return { ...own, file: outputs.get(output) ?? "" };
        }),
        findings: [...new Set(policy.findings.map((finding) => finding.code))].sort(),
      };
    }),
    findings,
    requiredValues: translation.requiredValues,
  };
}

function summary(translation: Translation, options: TranslateOptions, streams: Streams): string {
  const paint = createPaint(streams.useErrorColor);
  const by = (result: PolicyTranslation["result"]): string =>
    translation.policies.filter((policy) => policy.result === result).length.toLocaleString("en-US");
  if (translation.policies.length === 0) {
    return "No Calico policy in the input. Kubernetes NetworkPolicies need no translation: Cilium enforces them as they are.\n";
  }
  const named = (result: PolicyTranslation["result"]): readonly string[] =>
    translation.policies
      .filter((policy) => policy.result === result)
      .map((policy) => `  ${result}  ${printIdentity(policy.source)}`);
  const lines = [
    paint("bold", `${count(translation.policies.length, "policy", "policies")}: `) +
      [
        paint("green", `${by("exact")} exact`),
        paint("green", `${by("carved")} carved`),
        paint("yellow", `${by("partial")} partial`),
        paint("red", `${by("refused")} refused`),
      ].join(", "),
    ...named("partial"),
    ...named("refused"),
    ...(options.out === undefined ? [] : [`written to ${options.out}`]),
    ...(Object.keys(translation.requiredValues).length === 0
      ? []
      : [`Helm values that these policies need: ${JSON.stringify(translation.requiredValues)}`]),
  ];
  return `${lines.join("\n")}\n`;
}
