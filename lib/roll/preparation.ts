import { sha256Hex } from "../core/digest.ts";
import type { JsonObject } from "../core/json.ts";
import { compareText } from "../core/order.ts";
import type { Plan } from "../plan/plan.ts";
import { echoName, goldpingerName, helperAccount, metachronNamespace } from "./names.ts";
import type { RollContext } from "./roll-context.ts";
import { onEveryNode, type RollObject, rollLabels, rollObject, stageMetadata } from "./roll-object.ts";
import { scripts } from "./scripts.ts";

/** The ConfigMap of the scripts: its name holds 12 digits of the digest of its content, so a changed script is another object. */
export const scriptsName: string = `metachron-scripts-${sha256Hex(
  Object.entries(scripts)
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, text]) => `${name}\0${sha256Hex(text)}\n`)
    .join(""),
).slice(0, 12)}`;

/** Who answers probes and who asks: the pods that the policies below speak of. */
function probePods(plan: Plan): readonly string[] {
  return [echoName, "metachron-helper", ...(plan.spec.observability.goldpinger ? [goldpingerName] : [])];
}

/**
 * What every later stage stands on: the namespace, the account of helper pods, the scripts, and on every node a small pod
 * that answers probes.
 *
 * The namespace allows privileged pods, because executors use the host network. The scripts are immutable: a running wave
 * cannot be changed under its feet. The NetworkPolicy lets probe pods talk where a policy makes the namespace
 * default-deny; on a Calico source whose global policies come first, `probePolicy` is needed beside it.
 */
export function preparationObjects(context: RollContext, stageId: string): readonly RollObject[] {
  const namespace: JsonObject = {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      ...stageMetadata(stageId, metachronNamespace, undefined, -2),
      labels: {
        ...rollLabels(stageId),
        "pod-security.kubernetes.io/enforce": "privileged",
        "pod-security.kubernetes.io/warn": "privileged",
        "pod-security.kubernetes.io/audit": "privileged",
      },
    },
  };
  const account: JsonObject = {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: stageMetadata(stageId, helperAccount, metachronNamespace, -2),
    automountServiceAccountToken: false,
  };
  return [
    rollObject(0, namespace, "Executors and helper pods use the host network, which only the level privileged allows."),
    rollObject(5, account, "The account of every helper pod: no rights, no token."),
    scriptsObject(stageId),
    rollObject(
      10,
      probeNetworkPolicy(context.plan, stageId),
      "Lets the probe pods talk to each other and ask; it opens nothing for other pods.",
    ),
    rollObject(20, echoDaemonSet(context, stageId), echoComment),
  ];
}

const echoComment =
  "Answers on TCP 8080 on every node: what a gate reaches on the old and on the new network. It also brings the probe\nimage to every node before the first wave. It goes at the very end, with the namespace.";

function scriptsObject(stageId: string): RollObject {
  const object: JsonObject = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: stageMetadata(stageId, scriptsName, metachronNamespace, -2),
    immutable: true,
    data: { ...scripts },
  };
  return rollObject(
    8,
    object,
    "What the Jobs of all stages run. The name holds a digest of the texts; a Job names exactly one.",
  );
}

function probeNetworkPolicy(plan: Plan, stageId: string): JsonObject {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: stageMetadata(stageId, "metachron-probes", metachronNamespace, -2),
    spec: {
      podSelector: {
        matchExpressions: [{ key: "app.kubernetes.io/name", operator: "In", values: probePods(plan) }],
      },
      policyTypes: ["Ingress", "Egress"],
      // Cross-network callers reach the echo pods under addresses that no selector knows, so the port is what is opened.
      ingress: [{ ports: [{ protocol: "TCP", port: 8080 }] }],
      egress: [{}],
    },
  };
}

function echoDaemonSet(context: RollContext, stageId: string): JsonObject {
  const labels = { "app.kubernetes.io/name": echoName };
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: stageMetadata(stageId, echoName, metachronNamespace, -1),
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels: { ...rollLabels(stageId), ...labels } },
        spec: {
          serviceAccountName: helperAccount,
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 5,
          ...onEveryNode,
          securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: "echo",
              image: context.plan.spec.roll.probeImage,
              imagePullPolicy: "IfNotPresent",
              command: ["/bin/sh", "/scripts/probe.sh", "serve"],
              ports: [{ name: "echo", containerPort: 8080, protocol: "TCP" }],
              readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 5 },
              resources: { requests: { cpu: "5m", memory: "16Mi" }, limits: { memory: "64Mi" } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ["ALL"] },
              },
              volumeMounts: [
                { name: "scripts", mountPath: "/scripts", readOnly: true },
                { name: "tmp", mountPath: "/tmp" },
              ],
            },
          ],
          volumes: [
            { name: "scripts", configMap: { name: scriptsName, defaultMode: 0o555 } },
            { name: "tmp", emptyDir: { sizeLimit: "16Mi" } },
          ],
        },
      },
    },
  };
}

/** Where a Calico policy for the probe pods belongs: before every other policy of the source. */
export interface ProbePolicyPlace {
  /** `projectcalico.org/v3`, or `crd.projectcalico.org/v1` where the API server of Calico is not installed. */
  readonly apiVersion: "projectcalico.org/v3" | "crd.projectcalico.org/v1";
  /** The first tier; absent where the source has no tiers. */
  readonly tier?: string;
  /** Lower than every order in that tier. */
  readonly order: number;
}

/**
 * The Calico policy without which a global default deny of the source would stop the probes between the two networks: it
 * selects the probe pods only, and goes with the source.
 */
export function probePolicy(plan: Plan, stageId: string, place: ProbePolicyPlace): RollObject {
  const names = probePods(plan).map((one) => `'${one}'`);
  const name =
    place.tier === undefined || place.tier === "default" ? "metachron-probes" : `${place.tier}.metachron-probes`;
  const object: JsonObject = {
    apiVersion: place.apiVersion,
    kind: "GlobalNetworkPolicy",
    metadata: stageMetadata(stageId, name, undefined, -1),
    spec: {
      ...(place.tier !== undefined && { tier: place.tier }),
      order: place.order,
      selector: `projectcalico.org/namespace == '${metachronNamespace}' && app.kubernetes.io/name in { ${names.join(", ")} }`,
      types: ["Ingress", "Egress"],
      ingress: [{ action: "Allow", protocol: "TCP", destination: { ports: [8080] } }],
      egress: [{ action: "Allow" }],
    },
  };
  return rollObject(
    12,
    object,
    "Selects the probe pods only: a gate that policy stops would say nothing about the network.",
  );
}
