import { objectsOf } from "../../inventory/inventory.ts";
import { detectDistribution } from "../../source/distribution.ts";
import type { SourcePreparation } from "../../source/source.ts";
import type { SourceEnd } from "../../stages/closing-stages.ts";
import type { PlannedMigration } from "../../stages/planned-migration.ts";
import { preparationText } from "../../stages/preparation-text.ts";
import type { StageFile } from "../../stages/stage.ts";

interface FreezeItem {
  readonly what: string;
  readonly why: string;
}

/** CHECKLIST.md of the freeze: what only a person can do, in the order in which it is done. */
export function freezeChecklist(
  migration: Pick<PlannedMigration, "inventory" | "source" | "plan" | "outage">,
  end: SourceEnd,
): StageFile {
  const managers = end.preparation.filter((step) => step.before === "removal");
  const items = [...days(migration), ...window(migration, managers)];
  const text = [
    "# The freeze: what a person does before 100-switch is opened",
    "Nothing here is checked by a Job. Opening 100-switch says that it was done.",
    ...items.map((item) => `- [ ] ${item.what}. ${item.why}.`),
    managers.length === 0 ? "" : preparationText(managers).replace(/^# .*$/mu, "## What brings the source back"),
  ];
  return {
    file: "CHECKLIST.md",
    text: `${text
      .filter((part) => part !== "")
      .join("\n\n")
      .trimEnd()}\n`,
  };
}

function days({ inventory, outage }: Pick<PlannedMigration, "inventory" | "outage">): readonly FreezeItem[] {
  const minutes = Math.ceil((outage?.seconds ?? 0) / 60);
  return [
    {
      what: `Agree on a maintenance window of at least ${3 * Math.max(minutes, 10)} minutes`,
      why: `The outage is estimated at ${minutes} minutes, the way back is a second one, and applications take their own time`,
    },
    {
      what: "Take a snapshot of etcd and a backup of what the applications keep",
      why: "Every pod restarts, also those that were never meant to",
    },
    {
      what: "Try the access to every node that needs neither the API server nor a pod: SSH, a console",
      why: "A node that does not come back can only be mended from outside",
    },
    {
      what: "Read the estimate of PLAN.md aloud to the owners of the applications",
      why: "Readiness, leader elections and caches come on top of it",
    },
    ...(detectDistribution(inventory) === "k3s"
      ? [
          {
            what: "Write the flag --flannel-backend=none into the configuration of every k3s server, and restart none yet",
            why: "The binary is the source's agent: it stops when k3s restarts",
          },
        ]
      : []),
  ];
}

/** Kinds of controllers that make nodes or pods of their own accord, with the words that tell them. */
const makers: readonly { readonly kind: string; readonly name: RegExp; readonly what: string }[] = [
  { kind: "Deployment", name: /cluster-autoscaler/u, what: "the cluster autoscaler" },
  { kind: "Deployment", name: /karpenter/u, what: "Karpenter" },
  { kind: "Deployment", name: /descheduler/u, what: "the descheduler" },
  { kind: "DaemonSet", name: /^kured$/u, what: "kured" },
  { kind: "Deployment", name: /argocd-application-controller/u, what: "Argo CD's own syncs of applications" },
  { kind: "StatefulSet", name: /argocd-application-controller/u, what: "Argo CD's own syncs of applications" },
  { kind: "Deployment", name: /^(kustomize|helm)-controller$/u, what: "Flux's own syncs of applications" },
];

function window(
  { inventory, source }: Pick<PlannedMigration, "inventory" | "source">,
  managers: readonly SourcePreparation[],
): readonly FreezeItem[] {
  const found = makers.flatMap(({ kind, name, what }) =>
    objectsOf(inventory, kind)
      .filter((object) => name.test(object.name))
      .map((object) => ({
        what: `Stop ${what} (${kind} ${object.namespace ?? ""}/${object.name})`,
        why: "Nodes and pods that come or go during the outage are in no list",
      })),
  );
  return [
    ...found,
    {
      what: "Stop pipelines and people that apply to the cluster",
      why: "What is created during the outage starts when there is a network again, and nobody looks at it",
    },
    { what: "Suspend CronJobs that must not be cut", why: "A pod of restartPolicy Never is not started a second time" },
    {
      what: "Pause machine health checks and node repair",
      why: "To them every node without a network looks broken",
    },
    {
      what: "Scale down or stop applications that must end cleanly, dependants first",
      why: "Every sandbox is stopped without asking PodDisruptionBudgets",
    },
    {
      what:
        managers.length === 0
          ? `Make sure that nothing brings ${source.source} back`
          : `Stop what brings ${source.source} back: ${managers.map((step) => step.title).join("; ")}`,
      why: "The Job stops when the agents return, and the outage goes on meanwhile",
    },
  ];
}
