import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { isJsonObject, type JsonObject, type JsonValue } from "../../lib/core/json.ts";
import { parseOwnYaml } from "../../lib/core/yaml.ts";
import { engineSchemas } from "./engine-schemas.ts";
import { type FixtureOptions, fixture, states, textOf } from "./fixture.ts";

const digest = `sha256:${"a".repeat(64)}`;
const done3 = ["done", "done", "done"] as const;

/** Every state, both kinds of chart, a Secret for git. */
const situations: readonly FixtureOptions[] = [
  {},
  { stages: states(...done3, "open") },
  { stages: states(...done3, "rollback"), delivery: { argocd: { pinning: "branch" } } },
  { stages: states(...done3, { state: "held", digest }) },
  {
    stages: states(...done3, "done", "open"),
    chart: { source: "oci", repository: "oci://quay.io/cilium/charts", name: "cilium", version: "1.20.2" },
    delivery: { flux: { secretRef: "git-credentials" } },
  },
  { stages: states("done", "rollback"), values: {} },
];

interface EngineObject {
  readonly path: string;
  readonly object: JsonObject;
}

let known: readonly EngineObject[] | undefined;

function engineObjects(): readonly EngineObject[] {
  known ??= readEngineObjects();
  return known;
}

function readEngineObjects(): readonly EngineObject[] {
  return situations.flatMap((options) => {
    const { files, tree } = fixture(options);
    const own = files
      .filter((file) => file.path.endsWith(".yaml"))
      .map((file) => ({ path: file.path, text: textOf(file) }));
    const lists = [...tree]
      .filter(([path]) => path.endsWith("kustomization.yaml"))
      .map(([path, text]) => ({ path, text }));
    return [...own, ...lists].map(({ path, text }) => ({ path, object: parseOwnYaml(text) }));
  });
}

function keyOf(object: JsonObject): string {
  return `${String(object["apiVersion"])}/${String(object["kind"])}`;
}

test("every engine object has the fields that its engine knows and no other", () => {
  const ajv = new Ajv({ allErrors: true });
  const validators = new Map(Object.entries(engineSchemas).map(([key, schema]) => [key, ajv.compile(schema)]));
  const problems = engineObjects().flatMap(({ path, object }) => {
    const validate = validators.get(keyOf(object));
    if (validate === undefined)
      return /^(?:v1|rbac\.authorization\.k8s\.io)\//u.test(keyOf(object)) ? [] : [`${path}: no schema`];
    return validate(object) ? [] : [`${path}: ${ajv.errorsText(validate.errors)}`];
  });

  expect(problems).toEqual([]);
});

test("the schemas refuse a field that does not exist", () => {
  const ajv = new Ajv();
  const found = engineObjects().find(({ path }) => path.endsWith("flux/kustomizations/100-canary.yaml"));
  const spec = found?.object["spec"] as JsonObject;
  const validate = ajv.compile(engineSchemas["kustomize.toolkit.fluxcd.io/v1/Kustomization"] ?? {});

  expect(validate({ ...found?.object, spec })).toBe(true);
  expect(validate({ ...found?.object, spec: { ...spec, deletePolicy: "Orphan" } })).toBe(false);
});

// The CRDs themselves, where somebody has them: METACHRON_CRDS names a folder with the files of the engines' releases.
const crdFolder = process.env["METACHRON_CRDS"] ?? "";

describe.skipIf(!existsSync(crdFolder))("against the CRDs in METACHRON_CRDS", () => {
  test("every engine object passes its CRD, unknown fields refused", () => {
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    const validators = new Map(
      readdirSync(crdFolder).flatMap((file) => {
        const crd = parse(readFileSync(join(crdFolder, file), "utf8")) as CustomResourceDefinition;
        return crd.spec.versions.map((version) => {
          const key = `${crd.spec.group}/${version.name}/${crd.spec.names.kind}`;
          return [key, ajv.compile(strictSchema(version.schema.openAPIV3Schema) as JsonObject)] as const;
        });
      }),
    );
    const judged = engineObjects().filter(({ object }) => validators.has(keyOf(object)));
    const problems = judged.flatMap(({ path, object }) => {
      const validate = validators.get(keyOf(object));
      return validate?.(object) === true ? [] : [`${path}: ${ajv.errorsText(validate?.errors)}`];
    });

    expect(problems).toEqual([]);
    expect(new Set(judged.map(({ object }) => keyOf(object))).size).toBeGreaterThanOrEqual(7);
  });
});

interface CustomResourceDefinition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: JsonObject } }[];
  };
}

/** A CRD's schema with unknown fields refused wherever fields are listed, and Kubernetes' own words taken out. */
function strictSchema(schema: JsonValue): JsonValue {
  if (Array.isArray(schema)) return schema.map(strictSchema);
  if (!isJsonObject(schema)) return schema;
  const entries = Object.entries(schema)
    .filter(([key]) => !key.startsWith("x-kubernetes-"))
    .map(([key, value]): [string, JsonValue] => {
      if (key !== "properties" || !isJsonObject(value)) return [key, strictSchema(value)];
      const fields = Object.entries(value).map(([name, inner]): [string, JsonValue] => [
        name,
        name === "metadata" ? { type: "object" } : strictSchema(inner),
      ]);
      return [key, Object.fromEntries(fields)];
    });
  const keepsUnknown = schema["x-kubernetes-preserve-unknown-fields"] === true;
  const isListed = isJsonObject(schema["properties"]) && schema["additionalProperties"] === undefined && !keepsUnknown;
  return { ...Object.fromEntries(entries), ...(isListed && { additionalProperties: false }) };
}

test("nothing that an engine gets prunes, heals, forces or deletes", () => {
  const flat = engineObjects().map(({ object }) => JSON.stringify(object));

  for (const words of [
    '"prune":true',
    '"force":true',
    '"deletionPolicy":"Mirror',
    "finalizers",
    '"deletionPolicy":"Delete',
  ]) {
    expect(flat.filter((object) => object.includes(words))).toEqual([]);
  }
  const healing = engineObjects().filter(({ object }) => JSON.stringify(object).includes('"selfHeal":true'));
  expect(new Set(healing.map(({ path }) => path))).toEqual(
    new Set(["prod-eu/argocd/bootstrap/20-application-metachron-root.yaml"]),
  );
});

test("no engine file holds a text that Flux would substitute", () => {
  expect(engineObjects().filter(({ object }) => JSON.stringify(object).includes("${"))).toEqual([]);
});

test("who applies stages for Flux holds every right that a stage's roles grant, and may delete nothing else", () => {
  const { files, stages } = fixture({});
  const file = files.find((candidate) => candidate.path.endsWith("20-clusterrole.yaml"));
  const rules = rulesOf(file !== undefined && "object" in file ? file.object : {});
  const holds = (group: string, resource: string, verb: string): boolean =>
    rules.some(
      (rule) => rule.apiGroups.includes(group) && rule.resources.includes(resource) && rule.verbs.includes(verb),
    );
  const granted = stages
    .flatMap((stage) => [...stage.objects, ...stage.undo].map((entry) => entry.object))
    .filter((object) => object["kind"] === "ClusterRole" || object["kind"] === "Role")
    .flatMap(rulesOf)
    .flatMap((rule) =>
      rule.apiGroups.flatMap((group) =>
        rule.resources.flatMap((resource) => rule.verbs.map((verb) => [group, resource, verb] as const)),
      ),
    );

  expect(granted.length).toBeGreaterThan(0);
  expect(granted.filter(([group, resource, verb]) => !holds(group, resource, verb))).toEqual([]);
  expect(
    rules.flatMap((rule) => rule.verbs).filter((verb) => ["delete", "escalate", "bind", "*"].includes(verb)),
  ).toEqual([]);
});

function rulesOf(role: JsonObject): readonly Rule[] {
  return (role["rules"] ?? []) as unknown as readonly Rule[];
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

test("every CEL expression has balanced brackets and quotes, and asks for what Flux's own check would", () => {
  const { files } = fixture({ stages: states(...done3, "open") });
  const texts = files.flatMap((file) => ("object" in file ? expressionsIn(file.object) : []));

  expect(texts.length).toBeGreaterThan(4);
  for (const text of texts) {
    const bare = text.replace(/'(?:[^'\\]|\\.)*'/gu, "''");
    expect(bare).toMatch(/^[\w\s.()[\]{}!&|=,']+$/u);
    for (const pair of ["()", "[]"]) {
      const [open = "", close = ""] = pair;
      expect(bare.split(open).length).toBe(bare.split(close).length);
    }
  }
  for (const part of ["'Ready'", "'Healthy'", "observedGeneration", "body-digest", "spec.path", "spec.suspend"]) {
    expect(texts.filter((text) => text.includes("dep.")).every((text) => text.includes(part))).toBe(true);
  }
});

function expressionsIn(value: JsonValue): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(expressionsIn);
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === "string" && ["readyExpr", "current", "failed"].includes(key) ? [inner] : expressionsIn(inner),
  );
}
