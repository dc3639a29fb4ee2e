import type { FindingKind } from "../core/finding.ts";

const own = "metachron, the plan file's schema (schemas/plan.schema.json)";
const yaml12 = "YAML 1.2.2, as read by yaml 2.9.1";

/** Every finding of this room, by code. */
export const planFindings = {
  "plan/invalid-yaml": {
    severity: "error",
    meaning: "The plan file is not one well-formed YAML document",
    source: yaml12,
  },
  "plan/duplicate-key": { severity: "error", meaning: "A key stands twice in the same mapping", source: yaml12 },
  "plan/empty": { severity: "error", meaning: "The plan file holds no plan", source: own },
  "plan/unknown-key": { severity: "error", meaning: "A key that the format does not have", source: own },
  "plan/missing-key": { severity: "error", meaning: "A key that every plan needs", source: own },
  "plan/invalid-value": { severity: "error", meaning: "A value of the wrong type or outside its limits", source: own },
  "plan/invalid-cidr": {
    severity: "error",
    meaning: "A text that is no IPv4 or IPv6 prefix",
    source: "RFC 4632 and RFC 4291",
  },
  "plan/host-bits": {
    severity: "warning",
    meaning: "A prefix with bits set beyond its length; the network it lies in is taken",
    source: "RFC 4632 section 3.1",
  },
  "plan/two-pools-of-one-family": {
    severity: "error",
    meaning: "More than one new pod pool of the same address family",
    source: "metachron design, exact bridge: one prefix per family on each side",
  },
  "plan/mask-size": {
    severity: "error",
    meaning: "A node's block that is no part of the pool, or smaller than Cilium can give",
    source: "Cilium 1.20.2 Documentation/network/concepts/ipam/cluster-pool.rst: smallest block /30",
  },
  "plan/unsupported-cilium-version": {
    severity: "error",
    meaning: "A Cilium version whose values and CRDs this release does not know",
    source: "metachron: 1.18, 1.19 and 1.20 are supported",
  },
  "plan/two-open-stages": {
    severity: "error",
    meaning: "More than one stage is open or being rolled back",
    source: "metachron: one stage at a time, see the table of states",
  },
  "plan/executor-mode": {
    severity: "error",
    meaning: "An executor that cannot do the roll mode asked of it",
    source: "metachron: executors and their modes; kured 1.23.0, Cluster API v1beta2, system-upgrade-controller 0.20",
  },
  "plan/replace-without-new-nodes": {
    severity: "error",
    meaning: "Machines are replaced, and new nodes come up on the source",
    source: "metachron: a new machine has a new name, which no CiliumNodeConfig of a wave selects",
  },
  "plan/gates-without-prometheus": {
    severity: "error",
    meaning: "Gates on PromQL without a Prometheus to ask",
    source: own,
  },
  "plan/conflicting-settings": {
    severity: "error",
    meaning: "Two settings that cannot both be meant",
    source: own,
  },
  "plan/unread-setting": {
    severity: "warning",
    meaning: "A setting that nothing reads with the other choices of the plan",
    source: own,
  },
  "plan/placeholder-repo-url": {
    severity: "warning",
    meaning: "The repository is still the placeholder, so the engines could not fetch the stages",
    source: "RFC 2606: names below .invalid and .example never resolve",
  },
  "plan/image-without-digest": {
    severity: "warning",
    meaning: "An image named by a tag, which can come to mean something else between review and run",
    source: "Kubernetes, Images: use a digest to be sure which code runs",
  },
  "plan/image-withdrawn": {
    severity: "error",
    meaning: "An image whose versioned tags are no longer published",
    source: "bitnami/containers issue 83267: versioned tags left the free catalogue on 2025-08-28",
  },
  "plan/image-without-shell": {
    severity: "warning",
    meaning: "An image that is known to hold kubectl and no shell, where scripts are to run",
    source: "kubernetes 1.36.3 build/common.sh; rancher/kubectl, package/Dockerfile: FROM scratch",
  },
  "plan/continuity-off": {
    severity: "warning",
    meaning: "The plan asks for a migration without network policy",
    source: "metachron design section 6",
  },
} as const satisfies Readonly<Record<string, FindingKind>>;

/** A code of this room. */
export type PlanFindingCode = keyof typeof planFindings;
