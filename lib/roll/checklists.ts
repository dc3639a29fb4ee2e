import { jobName, markerName, metachronNamespace } from "./names.ts";
import { upgradePlanName } from "./upgrade-plan.ts";
import { hostnamesOf, type WaveInput } from "./wave-objects.ts";

/** A file of a stage that is no Kubernetes object. */
export interface RollFile {
  readonly file: string;
  readonly text: string;
}

const file = "CHECKLIST.md";

/** How a person sees where the wave stands: the same for every executor. */
function watching({ stage }: WaveInput): readonly string[] {
  return [
    "## Watch",
    "",
    "```sh",
    `kubectl -n ${metachronNamespace} logs -f job/${jobName("gate", stage.id, stage.attempt)}`,
    `kubectl -n ${metachronNamespace} get configmap ${markerName(stage.id)} -o yaml`,
    "```",
    "",
  ];
}

function document(title: string, lines: readonly string[]): RollFile {
  return { file, text: `${[`# ${title}`, "", ...lines].join("\n").trimEnd()}\n` };
}

/**
 * CHECKLIST.md of the executor `manual`: the commands for each node, in the order in which `roll.sh` would run them.
 *
 * Only the modes `evict`, `recycle` and `reboot` have commands of their own; for `replace` the node goes and another comes.
 */
export function manualChecklist(input: WaveInput): RollFile {
  const { stage, wave } = input;
  return document(`${stage.id}: carry out by hand`, [
    `The gate Job \`${jobName("gate", stage.id, stage.attempt)}\` waits for you. Begin when its log says \`the cluster is ready\`.`,
    "Take one node at a time, in this order, and go on when the log says `the node passed its gates`.",
    "",
    ...watching(input),
    ...wave.nodes.flatMap((node) => nodeCommands(input, node.name, node.wasUnschedulable)),
  ]);
}

function nodeCommands(input: WaveInput, node: string, wasUnschedulable: boolean): readonly string[] {
  const { context, wave } = input;
  const { roll } = context.plan.spec;
  const conf = context.facts.cniConfDirectory;
  const drain = [
    `kubectl drain ${node} --ignore-daemonsets --timeout=${roll.drainTimeoutSeconds}s`,
    ...(roll.deleteEmptyDirData ? ["--delete-emptydir-data"] : []),
    ...(roll.deleteBarePods ? ["--force"] : []),
  ].join(" ");
  const agent = [
    `kubectl -n ${context.ciliumNamespace} delete pod -l k8s-app=cilium --field-selector spec.nodeName=${node}`,
    `kubectl -n ${context.ciliumNamespace} wait pod -l k8s-app=cilium --field-selector spec.nodeName=${node} --for=condition=Ready --timeout=600s`,
    "# on the node: 05-cilium.conflist is there, the old file is called *.cilium_bak",
    `ls ${conf}`,
  ];
  const left = `kubectl get pods -A -o wide --field-selector spec.nodeName=${node}`;
  const pods: Readonly<Record<typeof wave.mode, readonly string[]>> = {
    evict: ["# delete the pods of DaemonSets that still have an address of the old network, one by one", left],
    recycle: [
      "# on the node, for each pod with an address of the old network, not of restartPolicy Never:",
      "crictl pods --namespace NAMESPACE --name '^NAME$' --state ready --quiet | xargs -r crictl stopp",
      left,
    ],
    reboot: ["# on the node", "systemctl reboot", left],
    replace: [`# the machine of ${node} goes and another one comes: see the provider's manual`],
  };
  return [
    `## ${node}`,
    "",
    "```sh",
    ...(wave.mode === "recycle" ? [`kubectl cordon ${node}`] : [drain]),
    ...agent,
    ...pods[wave.mode],
    wasUnschedulable ? `# ${node} was cordoned before this wave: leave it so` : `kubectl uncordon ${node}`,
    "```",
    "",
  ];
}

/** CHECKLIST.md of `system-upgrade-controller`: what to look at. */
export function upgradePlanChecklist(input: WaveInput): RollFile {
  const controller = input.context.plan.spec.roll.systemUpgradeController?.namespace ?? "system-upgrade";
  return document(`${input.stage.id}: carried out by system-upgrade-controller`, [
    ...watching(input),
    "```sh",
    `kubectl -n ${controller} get plan ${upgradePlanName(input.stage.id)} -o yaml`,
    `kubectl -n ${controller} get jobs -l upgrade.cattle.io/plan=${upgradePlanName(input.stage.id)}`,
    "```",
    "",
    "To stop: delete the Plan. A node that is cordoned then stays so.",
  ]);
}

/** CHECKLIST.md of `kured`: what must be set, and what to look at. */
export function kuredChecklist({ context, stage }: WaveInput): RollFile {
  const kured = context.plan.spec.roll.kured ?? {
    namespace: "kube-system",
    daemonSet: "kured",
    sentinel: "/var/run/reboot-required",
  };
  return document(`${stage.id}: rebooted by kured`, [
    `The Job makes \`${kured.sentinel}\` on one node at a time, after the node is on Cilium, and waits for kured.`,
    "",
    "kured must run with `--concurrency=1` and look at least every five minutes (`--period=5m`) inside its time window.",
    "",
    "```sh",
    `kubectl -n ${metachronNamespace} logs -f job/${jobName("roll", stage.id, stage.attempt)}`,
    `kubectl -n ${kured.namespace} logs -f daemonset/${kured.daemonSet}`,
    "```",
    "",
    `To stop: delete the Job, then remove \`${kured.sentinel}\` on the node that its log named last.`,
  ]);
}

/** CHECKLIST.md of `cluster-api`: the rollout in the management cluster. */
export function clusterAPIChecklist(input: WaveInput): RollFile {
  const { context, stage, wave } = input;
  const settings = context.plan.spec.roll.clusterAPI ?? {
    apiVersion: "v1beta2" as const,
    namespace: "default",
    machineDeployments: {},
  };
  const pools = [...new Set(wave.nodes.map((node) => node.pool))];
  const patch =
    settings.apiVersion === "v1beta2"
      ? '{"spec":{"rollout":{"after":"\'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"\'"}}}'
      : '{"spec":{"rolloutAfter":"\'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"\'"}}';
  return document(`${stage.id}: machines replaced by Cluster API`, [
    `The gate Job waits until the nodes ${hostnamesOf(wave).join(", ")} are gone and as many new ones are on Cilium.`,
    "Begin when its log says `the cluster is ready`. Pause MachineHealthChecks of these machines first.",
    "",
    ...watching(input),
    "## In the management cluster",
    "",
    "```sh",
    ...pools.map((pool) => {
      const deployment = settings.machineDeployments[pool];
      return deployment === undefined
        ? `# pool ${pool}: the plan names no MachineDeployment (spec.roll.clusterAPI.machineDeployments)`
        : `kubectl -n ${settings.namespace} patch machinedeployment ${deployment} --type merge -p '${patch}'`;
    }),
    "```",
    "",
    "New machines take the catch-all CiliumNodeConfig of the plan, so they start on Cilium.",
  ]);
}
