import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { exportReportSchema } from "../../lib/cli/reports/reports.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/core/json.ts";
import { exampleProject, type Project } from "./project.ts";
import { commitAll, openShell, type Shell } from "./shell.ts";
import { installKubectl, type StandInCluster } from "./stand-in-kubectl.ts";

const root = resolve(import.meta.dirname, "../..");
const cluster: StandInCluster = { lists: { configmaps: [], jobs: [], nodes: [] } };
const ciliumOnOneNode = `apiVersion: cilium.io/v2
kind: CiliumNode
metadata: { name: kind-worker2 }
spec: { ipam: { podCIDRs: [10.245.0.0/24] } }
`;
const allowNothing = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: nothing, namespace: shop }
spec: { podSelector: {}, policyTypes: [Ingress] }
`;
const schema = exportReportSchema();
const ajv = new Ajv({ strict: false, allErrors: true, discriminator: false });
ajv.addSchema(schema, "reports");

/** What ajv says against a document, by the definition of the kind that it names; nothing where it fits. */
function problemsOf(document: JsonValue): readonly string[] {
  const kind = isJsonObject(document) ? String(document["kind"]) : "nothing";
  const validate = ajv.getSchema(`reports#/definitions/${kind}`);
  if (validate === undefined) return [`there is no definition of ${kind}`];
  validate(document);
  return (validate.errors ?? []).map(({ instancePath, message, params }) =>
    [instancePath, message, JSON.stringify(params)].join(" "),
  );
}

test("the committed schema is what the code exports (vitest -u writes it)", async () => {
  await expect(`${JSON.stringify(schema, undefined, 2)}\n`).toMatchFileSnapshot(
    join(root, "schemas/reports.schema.json"),
  );
});

test("every field has a description", () => {
  const bare: string[] = [];
  const visit = (node: JsonValue | undefined, path: string): void => {
    if (Array.isArray(node)) {
      for (const [at, entry] of node.entries()) visit(entry, `${path}[${at}]`);
      return;
    }
    if (!isJsonObject(node)) return;
    for (const [name, field] of Object.entries(isJsonObject(node["properties"]) ? node["properties"] : {})) {
      const isReference = isJsonObject(field) && (field["$ref"] !== undefined || field["allOf"] !== undefined);
      if (isJsonObject(field) && !isReference && typeof field["description"] !== "string") bare.push(`${path}.${name}`);
      visit(field, `${path}.${name}`);
    }
    for (const key of ["items", "oneOf", "anyOf"]) visit(node[key], path);
  };
  const definitions = isJsonObject(schema["definitions"]) ? schema["definitions"] : {};
  for (const [name, node] of Object.entries(definitions)) visit(node, name);

  expect(bare).toEqual([]);
});

interface Printed {
  readonly what: string;
  readonly argv: readonly string[];
  readonly kind: string;
  readonly exitCode?: number;
  /** Whether the folder has to be a repository whose branch main holds the rendered plan. */
  readonly needsPlan?: boolean;
  readonly prepare?: (project: Project, shell: Shell) => void | Promise<void>;
}

const policies = "inventory/kind-canal/globalnetworkpolicies.crd.projectcalico.org.yaml";
const inventory = ["--inventory", "inventory/kind-canal"];

const reported: readonly Printed[] = [
  { what: "detect", argv: ["detect", ...inventory], kind: "SourceDetection" },
  {
    what: "detect, where Cilium runs beside the network",
    prepare: (project) => project.append("inventory/kind-canal/cilium.yaml", ciliumOnOneNode),
    argv: ["detect", ...inventory],
    kind: "SourceDetection",
  },
  { what: "init", argv: ["init", ...inventory, "--plan", "plans/mine.yaml"], kind: "PlanProposal" },
  { what: "check", argv: ["check"], kind: "PreflightReport" },
  { what: "check without a plan", argv: ["check", ...inventory], kind: "PreflightReport" },
  { what: "translate", argv: ["translate", policies], kind: "TranslationReport" },
  {
    what: "prove, with differences",
    prepare: (project) => project.append("nothing/np.yaml", allowNothing),
    argv: ["prove", "--before", policies, "--after", "nothing", ...inventory],
    kind: "Proof",
    exitCode: 1,
  },
  {
    what: "explain",
    argv: ["explain", "--from", "shop/frontend", "--to", "shop/orders-db-0", "--port", "5432/TCP"],
    kind: "FlowExplanation",
    exitCode: 1,
  },
  { what: "synth", argv: ["synth"], kind: "SynthReport" },
  { what: "synth --check", argv: ["synth", "--check"], kind: "SynthReport", exitCode: 1 },
  {
    needsPlan: true,
    what: "diff of a pull request that opens a stage",
    prepare: async (_, { metachron }) => void (await metachron("next")),
    argv: ["diff", "--base", "main"],
    kind: "PlanDiff",
  },
  {
    what: "diff of two plans",
    prepare: async (project, { metachron }) => {
      await metachron("synth", "--out", "old");
      project.replace("plans/kind-canal.yaml", "podCIDRs: [ 10.245.0.0/16 ]", "podCIDRs: [ 10.246.0.0/16 ]");
      await metachron("synth");
    },
    argv: ["diff", "old", "dist"],
    kind: "PlanDiff",
  },
  { needsPlan: true, what: "verify", argv: ["verify", "--base", "main"], kind: "Verification" },
  { needsPlan: true, what: "next", argv: ["next"], kind: "StageMove" },
  {
    needsPlan: true,
    what: "rollback",
    prepare: async (_, { metachron }) => {
      for (let move = 0; move < 5; move += 1) await metachron("next");
    },
    argv: ["rollback", "020-bridge"],
    kind: "StageMove",
  },
  { what: "report", argv: ["report", "--out", "report.html"], kind: "HtmlReport" },
  { what: "status", argv: ["status"], kind: "MigrationStatus" },
  { what: "snapshot", argv: ["snapshot", "--out", "taken"], kind: "InventorySnapshot" },
];

test.each(reported)("$what prints a document of its kind, without a field that is not documented", async (printed) => {
  const project = exampleProject();
  const shell = openShell(project.folder, { bin: installKubectl(project.folder, cluster) });
  if (printed.needsPlan === true) {
    await shell.metachron("synth");
    commitAll(shell, "the plan");
  }
  await printed.prepare?.(project, shell);
  const run = await shell.metachron(...printed.argv, "--format", "json");
  const document: JsonObject = JSON.parse(run.out);

  expect(run.exitCode).toBe(printed.exitCode ?? 0);
  expect(document["kind"]).toBe(printed.kind);
  expect(problemsOf(document)).toEqual([]);
});

test.each([
  { what: "an inventory that is not there", argv: ["detect", "--inventory", "nowhere"], exitCode: 2 },
  { what: "an empty inventory to check", argv: ["check", "--inventory", "empty"], exitCode: 2 },
  { what: "a plan that cannot be read", argv: ["synth", "--plan", "README.md"], exitCode: 2 },
  { what: "policies that are not there", argv: ["translate", "nowhere"], exitCode: 2 },
  { what: "two folders that are not there", argv: ["prove", "--before", "nowhere", "--after", "nowhere"], exitCode: 2 },
  { what: "a port that is none", argv: ["explain", "--from", "a/b", "--to", "c/d", "--port", "x/y/z"], exitCode: 2 },
  {
    what: "a port beyond 65535",
    argv: ["explain", "--from", "a/b", "--to", "c/d", "--port", "70000/TCP"],
    exitCode: 2,
  },
  { what: "a pod that is not there", argv: ["explain", "--from", "a/b", "--to", "c/d"], exitCode: 2 },
  { what: "a revision that git does not know", argv: ["verify", "--base", "origin/main"], exitCode: 2 },
  { what: "diff of nothing", argv: ["diff"], exitCode: 2 },
  { what: "diff of folders that are not there", argv: ["diff", "nowhere", "nothing"], exitCode: 2 },
  { what: "init over a plan that is there", argv: ["init", ...inventory], exitCode: 2 },
  { what: "a stage that is not there", argv: ["rollback", "200-general"], exitCode: 1 },
  { what: "a stage that was not opened", argv: ["next", "--retry", "100-canary"], exitCode: 1 },
  { what: "a cluster that does not answer", argv: ["status"], exitCode: 2 },
  { what: "a cluster that does not answer a snapshot", argv: ["snapshot", "--out", "taken"], exitCode: 2 },
  { what: "a page as JSON", argv: ["report"], exitCode: 2 },
  { what: "an option that is not there", argv: ["synth", "--chekc"], exitCode: 2 },
])("$what ends in a document with the findings, on standard output", async ({ argv, exitCode }) => {
  const project = exampleProject();
  mkdirSync(join(project.folder, "empty"));
  const shell = openShell(project.folder, { bin: installKubectl(project.folder, { lists: {}, isDown: true }) });
  if (argv[0] === "next" || argv[0] === "rollback") await shell.metachron("synth");
  const run = await shell.metachron(...argv, "--format", "json");
  const document: JsonObject = JSON.parse(run.out);

  expect(run.exitCode).toBe(exitCode);
  expect(document).toMatchObject({
    kind: "NoResult",
    findings: expect.arrayContaining([expect.objectContaining({ severity: "error" })]),
  });
  expect(problemsOf(document)).toEqual([]);
});
