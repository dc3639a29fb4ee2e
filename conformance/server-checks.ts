import { getIn, getString, type JsonObject } from "../lib/core/json.ts";
import { type ClusterJudge, startClusterJudge } from "./cluster-judge.ts";
import { ciliumVersions, type ModuleFolders } from "./modules.ts";
import { type Ledger, type Outcome, openLedger } from "./step.ts";
import {
  definitionFiles,
  type Found,
  olderThanObjects,
  refusedObjects,
  withoutSchema,
  writtenObjects,
} from "./written-objects.ts";
import { titleOf } from "./yaml-documents.ts";

/** The release whose API server is asked about everything; the others about Cilium's own objects. */
const newest = ciliumVersions.at(-1) ?? "";

/**
 * Every object that we write, applied to a real API server with everything done but the writing and strict field validation: the
 * schemas, the rules that are written in Go for built-in kinds, defaulting and admission.
 */
export async function judgeByServer(binary: string, modules: ModuleFolders, tree: string): Promise<Outcome> {
  const ledger = openLedger();
  const found = writtenObjects(tree);
  const unjudged = new Map<string, number>();
  let applied = 0;
  for (const version of ciliumVersions) {
    const judge = startClusterJudge(binary);
    try {
      await prepare(judge, modules, version, found, ledger);
      for (const one of found.filter(({ object }) => version === newest || isCilium(object)))
        applied += await applyOne(judge, version, one, ledger, unjudged);
      if (version === newest) await checkRefusals(judge, ledger);
    } finally {
      await judge.close();
    }
  }
  const missing = [...unjudged].map(
    ([what, count]) => `${count} × ${what}: ${withoutSchema[what] ?? olderThanObjects[what]}`,
  );
  return ledger.outcome([`kube-apiserver 1.36.3 with etcd, ${found.length} objects, ${applied} applied`], missing);
}

function isCilium(object: JsonObject): boolean {
  return getString(object, "apiVersion")?.startsWith("cilium.io/") === true;
}

/** Definitions of all kinds, and the namespaces that objects live in. */
async function prepare(
  judge: ClusterJudge,
  modules: ModuleFolders,
  version: string,
  found: readonly Found[],
  ledger: Ledger,
): Promise<void> {
  const files = [
    ...definitionFiles(modules, "cilium", version),
    ...(version === newest
      ? (["argo-cd", "flux", "calico"] as const).flatMap((part) => definitionFiles(modules, part))
      : []),
  ];
  const defined = await judge.ask({ definitions: { files } });
  ledger.check((defined.kinds ?? 0) > 0, `definitions for Cilium ${version}: ${defined.error ?? "none"}`);
  const names = new Set(found.flatMap(({ object }) => getString(object, "metadata", "namespace") ?? []));
  for (const name of [...names].filter((one) => one !== "kube-system" && one !== "default").sort()) {
    const object = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
    const made = await judge.ask({ send: { verb: "create", object } });
    ledger.check(made.error === undefined, `namespace ${name}: ${made.error}`);
  }
}

async function applyOne(
  judge: ClusterJudge,
  version: string,
  { path, object }: Found,
  ledger: Ledger,
  unjudged: Map<string, number>,
): Promise<number> {
  const kind = `${getString(object, "apiVersion")} ${getString(object, "kind")}`;
  const older =
    kind in withoutSchema ? kind : getIn(object, "spec", "tier") === undefined ? undefined : olderTier(kind);
  if (older !== undefined) {
    unjudged.set(older, (unjudged.get(older) ?? 0) + 1);
    return 0;
  }
  const answer = await judge.ask({ send: { verb: "apply", object, dryRun: true } });
  const problems = [...(answer.error === undefined ? [] : [answer.error]), ...(answer.warnings ?? [])];
  ledger.check(problems.length === 0, `${path}: ${titleOf(object)} (Cilium ${version}): ${problems.join("; ")}`);
  return 1;
}

/** Calico's module is older than the tiers of its policies. */
function olderTier(kind: string): string | undefined {
  return kind.startsWith("crd.projectcalico.org/") ? "unknown field spec.tier" : undefined;
}

/** What only the API server's own code refuses: each must be refused, so that silence means something. */
const refusedByCode: Readonly<Record<string, JsonObject>> = {
  "a Job that restarts always": {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "wrong", namespace: "default" },
    spec: { template: { spec: { containers: [{ name: "c", image: "i" }], restartPolicy: "Always" } } },
  },
  "a rule without verbs": {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: "wrong", namespace: "default" },
    rules: [{ apiGroups: [""], resources: ["pods"], verbs: [] }],
  },
  "a DaemonSet whose pods it does not select": {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "wrong", namespace: "default" },
    spec: {
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "c" } }, spec: { containers: [{ name: "c", image: "i" }] } },
    },
  },
  "a namespace that is not there": {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "wrong", namespace: "nowhere" },
  },
};

async function checkRefusals(judge: ClusterJudge, ledger: Ledger): Promise<void> {
  for (const [what, object] of Object.entries({ ...refusedObjects, ...refusedByCode })) {
    const answer = await judge.ask({ send: { verb: "apply", object, dryRun: true } });
    ledger.check(answer.error !== undefined, `the API server accepts ${what}`);
  }
}
