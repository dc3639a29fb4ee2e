import type { JsonObject } from "../core/json.ts";
import { goldpingerName, metachronNamespace } from "./names.ts";
import type { RollContext } from "./roll-context.ts";
import { onEveryNode, type RollObject, rollLabels, rollObject, stageMetadata } from "./roll-object.ts";

/** Image where the plan names none. Source: bloomberg/goldpinger chart 1.0.1, appVersion 3.10.2. */
const defaultImage = "docker.io/bloomberg/goldpinger:3.10.2";

const labels = { "app.kubernetes.io/name": goldpingerName };

/**
 * Goldpinger on every node: each pod asks each other by its address, so while both networks run it asks every pair of them.
 *
 * It may list pods of our namespace and nothing else. `prometheus.io` annotations let a Prometheus find it that looks for them.
 * Source: bloomberg/goldpinger 3.10, charts/goldpinger and pkg/goldpinger/config.go.
 */
export function goldpingerObjects(context: RollContext, stageId: string): readonly RollObject[] {
  const meta = (syncWave: -2 | -1): JsonObject => stageMetadata(stageId, goldpingerName, metachronNamespace, syncWave);
  const rbac = "rbac.authorization.k8s.io";
  return [
    rollObject(10, { apiVersion: "v1", kind: "ServiceAccount", metadata: meta(-2) }),
    rollObject(
      10,
      {
        apiVersion: `${rbac}/v1`,
        kind: "Role",
        metadata: meta(-2),
        rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }],
      },
      "It finds its peers by listing them.",
    ),
    rollObject(10, {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata: meta(-2),
      roleRef: { apiGroup: rbac, kind: "Role", name: goldpingerName },
      subjects: [{ kind: "ServiceAccount", name: goldpingerName, namespace: metachronNamespace }],
    }),
    rollObject(10, {
      apiVersion: "v1",
      kind: "Service",
      metadata: meta(-2),
      spec: { selector: labels, ports: [{ name: "http", port: 8080, targetPort: "http", protocol: "TCP" }] },
    }),
    rollObject(
      12,
      daemonSet(context, stageId, meta(-1)),
      "One on each node, on the pod network: it moves with its node. It goes at the very end, with the namespace.",
    ),
  ];
}

function daemonSet({ plan }: RollContext, stageId: string, metadata: JsonObject): JsonObject {
  const env = {
    HOST: "0.0.0.0",
    PORT: "8080",
    NAMESPACE: metachronNamespace,
    LABEL_SELECTOR: `app.kubernetes.io/name=${goldpingerName}`,
    HOSTS_TO_RESOLVE: "kubernetes.default.svc",
  };
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata,
    spec: {
      selector: { matchLabels: labels },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%" } },
      template: {
        metadata: {
          labels: { ...rollLabels(stageId), ...labels },
          annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "8080" },
        },
        spec: {
          serviceAccountName: goldpingerName,
          terminationGracePeriodSeconds: 5,
          ...onEveryNode,
          securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: goldpingerName,
              image: plan.spec.observability.goldpingerImage ?? defaultImage,
              imagePullPolicy: "IfNotPresent",
              env: [
                ...Object.entries(env).map(([name, value]) => ({ name, value })),
                { name: "HOSTNAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
              ],
              ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
              readinessProbe: { httpGet: { path: "/healthz", port: "http" }, periodSeconds: 5 },
              resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ["ALL"] },
              },
            },
          ],
        },
      },
    },
  };
}
