import type { Finding } from "../core/finding.ts";
import { type CatalogueEntry, type Check, type PreflightContext, report } from "./catalogue-entry.ts";
import { kubernetesMinor } from "./tested-versions.ts";

const kubectlTag = /(?:^|\/)(?:kubectl|alpine\/k8s):v?1\.(\d+)/u;

/** The image that runs the waves. */
export const imageChecks: readonly CatalogueEntry[] = [
  {
    kind: "check",
    id: "kubectl-skew",
    severity: "warning",
    reads: "spec.roll.image, kubectl version, node.status.nodeInfo.kubeletVersion",
    condition: "the waves' kubectl is more than one minor version away from the API server",
    remedy: "name an image of kubectl with the API server's minor version in spec.roll.image",
    source: "kubernetes.io, version skew policy: kubectl is supported within one minor version of kube-apiserver",
    check: skewFindings,
  },
  {
    kind: "not-checked",
    id: "roll-image",
    reads: "–",
    condition: "the image of the waves has a shell, coreutils and kubectl",
    source:
      "kubernetes 1.36.3 build/common.sh: the image of kubectl stands on a base without a shell; alpine-docker/k8s, build.sh: a tag for the newest patch of each minor version, amd64 and arm64",
    applies: ({ plan }) => plan.spec.strategy !== "blue-green",
    why: "what an image holds is in no object; the Jobs of every stage need sh, coreutils and kubectl in it, on each architecture of the cluster",
    command: ({ plan }) =>
      `kubectl run image-check --rm -i --restart=Never --image=${plan.spec.roll.image} --command -- sh -c 'kubectl version --client && date && echo good'`,
  },
];

function skewFindings({ plan, inventory }: PreflightContext, own: Check): readonly Finding[] {
  const [, tagged] = kubectlTag.exec(plan.spec.roll.image) ?? [];
  // Kubelets are never newer than the API server, so the newest of them stands in for it.
  const kubelets = inventory.nodes.flatMap((node) => kubernetesMinor(node.nodeInfo.kubeletVersion ?? "") ?? []);
  const server = kubernetesMinor(inventory.version?.gitVersion ?? "") ?? Math.max(...kubelets);
  if (tagged === undefined || !Number.isFinite(server) || Math.abs(Number(tagged) - server) <= 1) return [];
  return [
    report(own, {
      message: `${plan.spec.roll.image} is kubectl 1.${tagged}, the API server is 1.${server}`,
      where: { file: plan.file, field: "spec.roll.image" },
      reason: "kubectl is supported within one minor version of the API server; beyond it nobody tests that it works",
      data: { kubectl: Number(tagged), server },
    }),
  ];
}
