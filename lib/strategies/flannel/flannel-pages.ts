import type { Finding } from "../../core/finding.ts";
import { renderYaml } from "../../core/yaml.ts";
import type { Inventory } from "../../inventory/inventory.ts";
import type { Plan } from "../../plan/plan.ts";
import { bullets, code, count, escapeMarkdown, joinBlocks, shell, table } from "../../review/markdown.ts";
import type { RemovalObject, SourceDetection } from "../../source/source.ts";
import type { SourceEnd } from "../../stages/closing-stages.ts";
import type { StageFile } from "../../stages/stage.ts";
import { networkNodes } from "../in-place/network-nodes.ts";
import { flannelObjects } from "./flannel-objects.ts";
import type { Loss } from "./losses.ts";

/** What the pages are written from. */
export interface FlannelInput {
  readonly plan: Plan;
  readonly inventory: Inventory;
  readonly source: SourceDetection;
  readonly end: SourceEnd;
  readonly losses: readonly Loss[];
  readonly findings: readonly Finding[];
}

/** PLAN.md, policies.md and the two objects of the way from Canal to flannel alone. All of it is carried out by people. */
export function flannelPages(input: FlannelInput): readonly StageFile[] {
  const objects = flannelObjects(input.inventory, input.source);
  const files =
    objects === undefined
      ? []
      : [
          { file: "flannel/10-configmap.yaml", text: renderYaml(objects.configMap) },
          { file: "flannel/20-daemonset.yaml", text: renderYaml(objects.daemonSet) },
        ];
  return [
    { file: "PLAN.md", text: planPage(input, files.length > 0) },
    { file: "policies.md", text: lossPage(input) },
    ...files,
  ];
}

/** What is Calico's in Canal: everything that the removal of Canal would delete but what flannel still needs. */
function calicoOnly(removal: readonly RemovalObject[]): readonly RemovalObject[] {
  return removal.filter(
    (object) =>
      object.step !== "agents" &&
      !/flannel/u.test(object.name) &&
      !(object.kind === "ConfigMap" && /canal-config$/u.test(object.name)) &&
      !(object.kind === "ServiceAccount" && /canal$/u.test(object.name)),
  );
}

function planPage({ plan, inventory, source, end, losses, findings }: FlannelInput, hasObjects: boolean): string {
  const nodes = networkNodes(inventory);
  const errors = findings.filter((finding) => finding.severity === "error");
  const folder = `${plan.spec.delivery.path}/${plan.name}`;
  return joinBlocks([
    `# ${escapeMarkdown(plan.name)}: Canal to flannel alone`,
    `**${count(losses.length, "policy", "policies")} that Canal enforces today will be enforced by nobody.** [policies.md](policies.md) has one row for each. What Calico shows (metrics, logged drops) goes too, and flannel has nothing in its place.`,
    "Canal is flannel with Calico's policy beside it: the way is to drop Calico's containers and to keep flannel. **There are no stages and no Jobs here: every step is a person's act**, node by node, and no gate in the cluster holds it. Cilium keeps the policies and has all of that: `target: { cni: cilium }`.",
    errors.length === 0
      ? undefined
      : `## What blocks\n\n${bullets(errors.map((finding) => `${code(finding.code)} ${escapeMarkdown(finding.message)}`))}`,
    "## 1. Export",
    shell([
      "# what is lost, and the way back",
      "kubectl get networkpolicies.networking.k8s.io -A -o yaml > networkpolicies.yaml",
      "for kind in globalnetworkpolicies networkpolicies globalnetworksets networksets hostendpoints tiers felixconfigurations; do kubectl get $kind.crd.projectcalico.org -A -o yaml > $kind.yaml; done",
      `kubectl -n kube-system get ${source.facts.daemonSets.map((name) => `daemonset/${name.split("/")[1]}`).join(" ")} configmap/canal-config -o yaml > canal.yaml`,
    ]),
    "## 2. The new DaemonSet, which changes no node yet",
    hasObjects
      ? shell([
          "# Canal's own DaemonSet without Calico's containers, and with OnDelete: nothing restarts. Replaced whole, because an apply",
          "# leaves containers in place that another field manager owns",
          `kubectl replace -f ${folder}/flannel/10-configmap.yaml -f ${folder}/flannel/20-daemonset.yaml`,
        ])
      : "The inventory does not hold Canal's DaemonSet and ConfigMap: take it again with `kubectl get daemonsets,configmaps -A -o yaml`.",
    `## 3. Each node: ${count(nodes.length, "node")}, one after the other`,
    "Until its pods have left, pods of a node keep the rules that Calico programmed last. New pods on it are on flannel's bridge, and no rule looks at them.",
    shell(nodeCommands(source)),
    nodes.map((node) => `- [ ] ${code(node)}`).join("\n"),
    "## 4. When every node is done: what is only Calico's",
    "In this order; definitions last, because deleting one deletes its objects.",
    table(
      ["part", "object"],
      calicoOnly(end.removal).map((object) => [
        object.step,
        code(`${object.kind}/${object.namespace === undefined ? "" : `${object.namespace}/`}${object.name}`),
      ]),
    ),
    "## The way back",
    "Until step 4: `sed '/resourceVersion:/d' canal.yaml | kubectl replace -f -` with the file of step 1, and do step 3 again, with the files' names the other way round. After it: install Canal again with the same prefix, and apply what step 1 exported.",
  ]);
}

function nodeCommands(source: SourceDetection): readonly string[] {
  const { cniConfDirectory, cniConfFile = "10-canal.conflist", daemonSets } = source.facts;
  const [namespace = "kube-system", name = "canal"] = (daemonSets[0] ?? "").split("/");
  return [
    "NODE=<node>",
    "kubectl drain $NODE --ignore-daemonsets --delete-emptydir-data",
    `kubectl -n ${namespace} delete pod -l k8s-app=canal --field-selector spec.nodeName=$NODE`,
    `kubectl -n ${namespace} rollout status daemonset/${name} --timeout=5m`,
    "# on the node: flannel's file is there, Canal's goes, and so do Calico's rules, which would drop packets of interfaces they do not know",
    `ls ${cniConfDirectory}/10-flannel.conflist && rm -f ${cniConfDirectory}/${cniConfFile} ${cniConfDirectory}/calico-kubeconfig`,
    "reboot",
    "# no pod of the node is left on a cali interface; DaemonSet pods came back on cni0 with the reboot",
    "kubectl uncordon $NODE",
    'kubectl run probe --rm -i --restart=Never --image=registry.k8s.io/e2e-test-images/agnhost:2.53 --overrides=\'{"spec":{"nodeName":"\'$NODE\'"}}\' -- connect --timeout=5s kubernetes.default.svc:443',
  ];
}

function lossPage({ plan, losses }: FlannelInput): string {
  const accepted = new Map(
    plan.spec.preflight.accept
      .filter((entry) => entry.code === "strategies/protection-lost")
      .map((entry) => [entry.object, `${entry.by}: ${entry.reason}`]),
  );
  const rows = losses.map((loss) => [
    code(loss.name),
    "nothing",
    code(loss.selects),
    escapeMarkdown(loss.rules),
    escapeMarkdown(accepted.get(loss.name) ?? accepted.get("*") ?? "nobody"),
  ]);
  return joinBlocks([
    `# ${escapeMarkdown(plan.name)}: what is lost, policy by policy`,
    losses.length === 0
      ? "The inventory shows no policy that is enforced today."
      : table(["today", "afterwards", "selects", "rules", "accepted by"], rows),
  ]);
}
