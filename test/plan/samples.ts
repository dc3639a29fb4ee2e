import type { ClusterPool } from "../../lib/plan/cluster-pool.ts";
import type { InitFacts } from "../../lib/plan/init-facts.ts";

/** A plan with only what every plan needs. */
export const minimal = `apiVersion: metachron.dev/v1alpha1
kind: MigrationPlan
metadata: { name: prod-eu }
spec:
  inventory: ../inventory/prod-eu
`;

/** A plan in the spirit of the design, with comments and an anchor. */
export const full = `# yaml-language-server: $schema=./plan.schema.json
apiVersion: metachron.dev/v1alpha1
kind: MigrationPlan
metadata: { name: prod-eu }
spec:
  inventory: ../inventory/prod-eu
  source: canal                      # detected, but we know
  target:
    version: 1.19.6
    podCIDRs: [10.245.0.0/16, "fd00:10:245::/56"]
    podCIDRMaskSize: 24
    podCIDRMaskSizeIPv6: 64
    values: { hubble: { relay: { enabled: true } } }
  strategy: live
  reservedCIDRs: [10.0.0.0/16]
  waves:
    canary: { nodes: 1, from: { pool: general } }
    groups:
      - { pool: general, size: 3 }
      - { pool: gpu, size: 1, roll: { mode: recycle } }
    exclude: { names: [legacy-1] }
    budget: { maxUnavailable: 20%, acrossZones: true }
    soakSeconds: 60
  roll:
    image: registry.example/kubectl:v1.36.3@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    probeImage: registry.example/agnhost:2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    goldpinger: { url: "http://goldpinger.goldpinger:8080" }
    prometheus: { url: "http://prometheus.monitoring:9090" }
    serviceLevelGates:
      - { name: errors, query: "sum(rate(errors[5m])) < bool 1" }
  policies:
    continuity: bridge
    accept:
      - &deny { code: POL012, object: GlobalNetworkPolicy/deny, reason: agreed with security, by: ada, until: 2026-12-31 }
  delivery: { engines: [flux], repoURL: "https://git.corp.test/platform.git" }
  preflight: { accept: [*deny] }
stages:                              # written by next
  000-prepare: { state: done, attempt: 2 }
  010-cilium: { state: open, commit: 0123abc, digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
`;

const pool: ClusterPool = {
  name: "general",
  nodes: 4,
  zones: 0,
  traits: [],
  size: 1,
  sizeWhy: "a tenth of the cluster",
  recycle: { names: [], why: "" },
  isControlPlane: false,
  isOrdinary: true,
};

/** What init could know of a cluster: every fact that changes what it writes. */
export const facts: InitFacts = {
  name: "kind-canal",
  inventory: "../inventory/kind-canal",
  source: {
    name: "canal",
    confidence: "certain",
    evidence: ["DaemonSet/kube-system/canal spec.template: it runs"],
    podCIDRs: ["10.244.0.0/16"],
  },
  exactBlockers: [],
  podCIDRs: ["10.245.0.0/16"],
  podCIDRMaskSize: 24,
  nodes: 5,
  pools: [
    { ...pool, recycle: { names: ["worker-3"], why: "the bare pod shop/debug" } },
    { ...pool, name: "gpu", traits: ["gpu"], isOrdinary: false, mode: { name: "recycle", why: "data on the node" } },
    { ...pool, name: "control-plane", isControlPlane: true, isOrdinary: false },
  ],
  goldpingerURL: "http://goldpinger.goldpinger:8080",
  engines: [],
};
