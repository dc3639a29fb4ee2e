import { coerce, satisfies } from "semver";
import { type Finding, whereOf } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import { getArray, getIn, getString, getStringMap } from "../core/json.ts";
import { compareText, sortedUnique } from "../core/order.ts";
import { objectsOf, type RawObject } from "../inventory/inventory.ts";
import { detectDistribution } from "../source/distribution.ts";
import { type CatalogueEntry, type Check, type PreflightContext, report, someOf } from "./catalogue-entry.ts";
import { groupBy, livePods, podsOfService, workloadsLike } from "./read-cluster.ts";

/** A Service that the API server calls: a webhook's, or an aggregated API's. */
interface CalledService {
  readonly object: RawObject;
  readonly namespace: string;
  readonly name: string;
  /** Whether requests fail when it does not answer. */
  readonly isBlocking: boolean;
}

function calledServices(context: PreflightContext): CalledService[] {
  const webhooks = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"].flatMap((kind) =>
    objectsOf(context.inventory, kind).flatMap((object) =>
      getArray(object.object, "webhooks").flatMap((webhook) => {
        const namespace = getString(webhook, "clientConfig", "service", "namespace");
        const name = getString(webhook, "clientConfig", "service", "name");
        if (namespace === undefined || name === undefined) return [];
        return [{ object, namespace, name, isBlocking: getString(webhook, "failurePolicy") !== "Ignore" }];
      }),
    ),
  );
  const apis = objectsOf(context.inventory, "APIService").flatMap((object) => {
    const namespace = getString(object.object, "spec", "service", "namespace");
    const name = getString(object.object, "spec", "service", "name");
    return namespace === undefined || name === undefined ? [] : [{ object, namespace, name, isBlocking: true }];
  });
  const unique = new Map<string, CalledService>();
  for (const called of [...webhooks, ...apis]) {
    const key = `${printIdentity(called.object)} ${called.namespace}/${called.name}`;
    const known = unique.get(key);
    unique.set(key, { ...called, isBlocking: called.isBlocking || known?.isBlocking === true });
  }
  return [...unique.values()].sort((a, b) => compareText(printIdentity(a.object), printIdentity(b.object)));
}

function managedFindings(context: PreflightContext, own: Check): Finding[] {
  const distribution = detectDistribution(context.inventory);
  // These run the API server outside the cluster's network and reach pods over the network of the cloud.
  if (!["eks", "gke", "aks"].includes(distribution)) return [];
  return calledServices(context).flatMap((called) => {
    const pods = podsOfService(context.inventory, called.namespace, called.name);
    if (pods.length === 0 || pods.every((pod) => pod.isHostNetwork)) return [];
    return [
      report(own, {
        severity: called.isBlocking ? "error" : "warning",
        message: `${printIdentity(called.object)} calls Service/${called.namespace}/${called.name}, whose pods get addresses of the new pool`,
        where: whereOf(called.object, called.object.position),
        reason: `the managed control plane of ${distribution} has no route into Cilium's overlay: calls to migrated pods time out`,
      }),
    ];
  });
}

function oneNodeFindings(context: PreflightContext, own: Check): Finding[] {
  return calledServices(context)
    .filter((called) => called.isBlocking)
    .flatMap((called) => {
      const pods = podsOfService(context.inventory, called.namespace, called.name);
      const nodes = sortedUnique(pods.flatMap((pod) => pod.nodeName ?? []));
      if (nodes.length !== 1) return [];
      return [
        report(own, {
          message: `${printIdentity(called.object)} depends on Service/${called.namespace}/${called.name}, all of whose pods are on Node/${nodes[0]}`,
          where: whereOf(called.object, called.object.position),
          reason:
            "while that node is rolled nobody answers, and the API server refuses the requests that it covers, evictions perhaps among them",
          data: { node: nodes[0] ?? "", pods: pods.map((pod) => pod.name) },
        }),
      ];
    });
}

/** Nodes that Calico knows and Kubernetes does not: the control plane of a provider that takes part in the overlay. */
function hiddenNodeFindings(context: PreflightContext, own: Check): Finding[] {
  const names = new Set(context.inventory.nodes.map((node) => node.name));
  const claims = [
    ...objectsOf(context.inventory, "BlockAffinity").flatMap((object) => {
      const node = getString(object.object, "spec", "node");
      return node === undefined ? [] : [{ object, node }];
    }),
    ...objectsOf(context.inventory, "IPAMBlock").flatMap((object) => {
      const affinity = getString(object.object, "spec", "affinity");
      return affinity?.startsWith("host:") === true ? [{ object, node: affinity.slice("host:".length) }] : [];
    }),
  ].filter(({ node }) => !names.has(node));
  return [...groupBy(claims, ({ node }) => node)].map(([node, group]) => {
    const [first] = group;
    return report(own, {
      message: `Calico has blocks of addresses for ${node}, which is no Node of the cluster: ${someOf(group.map(({ object }) => printIdentity(object)))}`,
      ...(first !== undefined && { where: whereOf(first.object, first.object.position) }),
      reason:
        "either the node is gone and its blocks are left, or a hidden control plane reaches pods over Calico's overlay; then aggregated APIs and webhooks end with it",
      data: { node, objects: group.map(({ object }) => printIdentity(object)) },
    });
  });
}

function podSecurityFindings(context: PreflightContext, own: Check): Finding[] {
  const namespace = objectsOf(context.inventory, "Namespace", "").find(({ name }) => name === context.target.namespace);
  const level = getStringMap(namespace?.object, "metadata", "labels")["pod-security.kubernetes.io/enforce"];
  if (namespace === undefined || level === undefined || level === "privileged") return [];
  return [
    report(own, {
      message: `${printIdentity(namespace)} enforces the pod security level ${level}`,
      where: whereOf(namespace, namespace.position, "metadata.labels"),
      reason: "agents are privileged, use the host's network and mount its directories: their pods would be refused",
      remedy: `label it pod-security.kubernetes.io/enforce=privileged: kubectl label namespace ${namespace.name} pod-security.kubernetes.io/enforce=privileged --overwrite`,
    }),
  ];
}

const gatekeeperKinds = [
  "K8sPSPPrivilegedContainer",
  "K8sPSPHostFilesystem",
  "K8sPSPHostNamespace",
  "K8sPSPHostNetworkingPorts",
  "K8sPSPCapabilities",
];

function admissionFindings(context: PreflightContext, own: Check): Finding[] {
  const kyverno = objectsOf(context.inventory, "ClusterPolicy", "kyverno.io").filter(
    (policy) =>
      /privileged|host-?(?:path|namespaces|network|ports)|capabilities/u.test(policy.name) &&
      (/^enforce$/iu.test(getString(policy.object, "spec", "validationFailureAction") ?? "") ||
        getArray(policy.object, "spec", "rules").some((rule) =>
          /^enforce$/iu.test(getString(rule, "validate", "failureAction") ?? ""),
        )),
  );
  const gatekeeper = gatekeeperKinds
    .flatMap((kind) => objectsOf(context.inventory, kind))
    .filter((constraint) => {
      const excluded = getArray(constraint.object, "spec", "match", "excludedNamespaces");
      return (
        getString(constraint.object, "spec", "enforcementAction") !== "dryrun" &&
        !excluded.includes(context.target.namespace)
      );
    });
  return [...kyverno, ...gatekeeper].map((policy) =>
    report(own, {
      severity: "warning",
      message: `${printIdentity(policy)} may refuse Cilium's pods in ${context.target.namespace}`,
      where: whereOf(policy, policy.position, "spec"),
      reason:
        "agents are privileged, use the host's network and mount its directories; the bridge and the rolls need the same for a while",
      remedy: `exempt the namespace ${context.target.namespace}, or see that it is exempted already`,
    }),
  );
}

/** Programs that watch connections or keep metrics, by the last part of their image or by their name. */
const watchers = /(?:^|\/)(?:goldpinger|prometheus|vmagent|vmsingle|victoria-metrics)(?::|@|$)/u;

/** The API server and what it lets in. */
export const apiChecks: readonly CatalogueEntry[] = [
  {
    kind: "check",
    id: "managed-cp-webhook",
    severity: "error",
    reads: "webhook configurations, APIServices, their Services and pods, the distribution",
    condition: "a managed control plane calls pods that will be in the overlay",
    remedy: "run these pods on the host's network, or through the provider's konnectivity where it has one",
    source: "the control plane of EKS, GKE and AKS runs outside the nodes' overlay",
    check: managedFindings,
  },
  {
    kind: "check",
    id: "webhook-fail",
    severity: "warning",
    reads: "webhook configurations with failurePolicy Fail, APIServices, their pods",
    condition: "all pods behind a webhook that must answer are on one node",
    remedy:
      "run two replicas on different nodes before that node's wave, or exempt the namespaces of Cilium and of the rolls",
    source: "Kubernetes, Dynamic Admission Control: failurePolicy",
    check: oneNodeFindings,
  },
  {
    kind: "check",
    id: "managed-cp-source",
    severity: "error",
    reads: "BlockAffinities and IPAMBlocks of Calico against Nodes",
    condition: "Calico gives addresses to a node that Kubernetes does not know",
    remedy:
      "ask the provider whether its control plane uses Calico's overlay; if the node is gone, look at calicoctl ipam check --show-problem-ips and delete its BlockAffinity",
    source: "field report: managed cluster, Calico 3.30, removal broke metrics.k8s.io",
    check: hiddenNodeFindings,
  },
  {
    kind: "check",
    id: "psa",
    severity: "error",
    reads: "labels of the agents' namespace, Kyverno ClusterPolicies, Gatekeeper constraints",
    condition: "admission refuses privileged pods where the agents run",
    remedy: "exempt the agents' namespace",
    source:
      "Kubernetes, Pod Security Admission; cilium/cilium v1.20.2 chart: privileged agents, host network, hostPath",
    check: (context, own) => [...podSecurityFindings(context, own), ...admissionFindings(context, own)],
  },
  {
    kind: "check",
    id: "quota",
    severity: "warning",
    reads: "ResourceQuotas in the agents' namespace",
    condition: "a quota limits pods where the agents run",
    remedy:
      "raise the quota by one agent and one Envoy a node, two operators and the pods of the rolls, or scope it away from system-node-critical",
    source: "Kubernetes, Resource Quotas: scopeSelector PriorityClass",
    check: ({ inventory, target }, own) =>
      objectsOf(inventory, "ResourceQuota", "")
        .filter((quota) => quota.namespace === target.namespace)
        .filter((quota) => Object.keys(getStringMap(quota.object, "spec", "hard")).length > 0)
        .filter((quota) => !allowsSystemPods(quota))
        .map((quota) =>
          report(own, {
            message: `${printIdentity(quota)} limits ${someOf(Object.keys(getStringMap(quota.object, "spec", "hard")))}`,
            where: whereOf(quota, quota.position, "spec.hard"),
            reason: "an agent that the quota refuses leaves its node without Cilium, and its wave waits for ever",
          }),
        ),
  },
  {
    kind: "check",
    id: "crd-stored-v2alpha1",
    severity: "error",
    reads: "status.storedVersions of the CRD ciliumnodeconfigs.cilium.io, spec.target.version",
    condition: "the CRD still stores v2alpha1 and the operator of this version cannot update it",
    remedy: "choose Cilium 1.20.2 or later, or remove v2alpha1 from status.storedVersions after rewriting the objects",
    source: "cilium/cilium pull requests 48087 and 48213",
    check: ({ inventory, plan }, own) => {
      const definition = objectsOf(inventory, "CustomResourceDefinition").find(
        ({ name }) => name === "ciliumnodeconfigs.cilium.io",
      );
      const stored = getArray(definition?.object, "status", "storedVersions");
      const version = coerce(plan.spec.target.version);
      if (definition === undefined || !stored.includes("v2alpha1")) return [];
      if (version === null || !satisfies(version, ">=1.20.0 <1.20.2")) return [];
      return [
        report(own, {
          message: `${printIdentity(definition)} has v2alpha1 among its stored versions, which Cilium ${plan.spec.target.version} no longer serves`,
          where: whereOf(definition, definition.position, "status.storedVersions"),
          reason:
            "the API server refuses a definition that drops a stored version, and the operator then does not start",
        }),
      ];
    },
  },
  {
    kind: "check",
    id: "cnc-foreign",
    severity: "warning",
    reads: "CiliumNodeConfigs",
    condition: "there are CiliumNodeConfigs that this plan did not make",
    remedy: "delete them, or give them names that sort before metachron- and keys other than the CNI ones",
    source: "cilium/cilium v1.20.2 pkg/option/resolver/resolver.go: the last name in lexical order wins per key",
    check: ({ inventory }, own) =>
      objectsOf(inventory, "CiliumNodeConfig")
        .filter(({ name }) => !name.startsWith("metachron-"))
        .map((config) =>
          report(own, {
            message: `${printIdentity(config)} sets ${someOf(Object.keys(getStringMap(config.object, "spec", "defaults")))} for nodes that it selects`,
            where: whereOf(config, config.position, "spec"),
            reason:
              "where two of them set one key the later name wins, and one malformed selector stops every agent of the cluster from starting",
          }),
        ),
  },
  {
    kind: "check",
    id: "monitoring-none",
    severity: "warning",
    reads: "workloads, spec.roll.goldpinger and prometheus, spec.observability",
    condition: "neither Goldpinger nor Prometheus is there or planned",
    remedy: "set spec.observability.goldpinger: true, or name spec.roll.prometheus with service level gates",
    source: "metachron, gates of a wave",
    check: ({ inventory, plan }, own) => {
      const { roll, observability } = plan.spec;
      const isPlanned = roll.goldpinger !== undefined || roll.prometheus !== undefined || observability.goldpinger;
      const isWatched = livePods(inventory).some((pod) => pod.images.some((image) => watchers.test(image)));
      if (isPlanned || isWatched || workloadsLike(inventory, watchers).length > 0) return [];
      return [
        report(own, {
          message:
            "nothing watches connections between nodes: no Goldpinger and no Prometheus, in the cluster or in the plan",
          where: { file: plan.file, field: "spec.observability" },
          reason: "a wave's own probes see its nodes only; what breaks elsewhere is seen by users first",
        }),
      ];
    },
  },
  {
    kind: "not-checked",
    id: "img-pull",
    reads: "–",
    condition: "every node can pull Cilium's images",
    source: "cilium/cilium v1.20.2 install/kubernetes/cilium/values.yaml",
    applies: () => true,
    why: "registries, mirrors and pull rights are not in the inventory; an image that cannot be pulled stops the dormant install (harmless) or a new node (not harmless)",
    command: ({ plan }) =>
      `helm template cilium ${plan.spec.target.chart.repository.startsWith("oci:") ? plan.spec.target.chart.repository : "cilium/cilium"} --version ${plan.spec.target.version} -f <values.yaml of 010-cilium> | grep 'image:' | sort -u, then crictl pull each on one node of every pool`,
  },
  {
    kind: "not-checked",
    id: "backup",
    reads: "–",
    condition: "there is a backup to go back to",
    source: "Kubernetes, Operating etcd clusters: backing up",
    applies: () => true,
    why: "snapshots of etcd and of volumes are outside the inventory; take one before the first wave, before the final values and before the removal",
    command: () =>
      "etcdctl snapshot save before-$(date +%F).db && etcdctl snapshot status before-$(date +%F).db; velero backup get",
  },
  {
    kind: "not-checked",
    id: "clock",
    reads: "–",
    condition: "the inventory is of today",
    source: "metachron, inventory",
    applies: () => true,
    why: "the plan is as old as the inventory, which carries no date; pods, nodes and budgets of today may be others",
    command: () => "metachron snapshot, then metachron diff",
  },
];

function allowsSystemPods(quota: RawObject): boolean {
  // GKE's own quota lets exactly the system classes in.
  return getArray(quota.object, "spec", "scopeSelector", "matchExpressions").some(
    (expression) =>
      getString(expression, "scopeName") === "PriorityClass" &&
      getArray(expression, "values").includes("system-node-critical") &&
      Number(getIn(quota.object, "spec", "hard", "pods")) >= 1e6,
  );
}
