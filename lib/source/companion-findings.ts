import { type Finding, whereOf } from "../core/finding.ts";
import { printIdentity } from "../core/identity.ts";
import type { ClusterView } from "./cluster-view.ts";
import { type Companion, readMultus } from "./companions.ts";
import { sourceFinding } from "./findings.ts";
import { kubeRouterRole } from "./kube-router-config.ts";
import type { Workload } from "./workload.ts";

/** What a companion asks for: its entry in Cilium's values, its own restart, or only to be known. */
export function companionFinding(view: ClusterView, companion: Companion): readonly Finding[] {
  const { workload } = companion;
  const where = whereOf(workload, workload.position);
  if (companion.name === "kube-router") return [besideFinding(workload)];
  if (companion.name !== "multus")
    return [
      sourceFinding("source/mesh-cni", {
        message: `${printIdentity(workload)} (${companion.name}) writes itself into the CNI configuration`,
        where,
        reason:
          "it chains itself into the first file of the folder; an exclusive Cilium renames foreign files, and the two rewrite each other",
        remedy:
          "set Helm value cni.exclusive: false; restart its DaemonSet on a node after 05-cilium.conflist is there",
      }),
    ];
  const setup = readMultus(view, workload);
  const fixes = [
    "set Helm value cni.exclusive: false",
    setup.masterFile === undefined
      ? "let Multus take 05-cilium.conflist as its master (it takes the first file of the folder)"
      : `change Multus' master from ${setup.masterFile} to 05-cilium.conflist`,
    ...(setup.readinessFile === undefined || setup.readinessFile.endsWith("05-cilium.conflist")
      ? []
      : [
          `change its readiness file from ${setup.readinessFile} to 05-cilium.conflist in the CNI folder as Multus sees it`,
        ]),
    setup.isThick
      ? "the thick daemon follows the change by itself"
      : "restart the Multus pod of a node after the switch, the thin entry point reads the folder at start",
  ];
  return [
    sourceFinding("source/multus", {
      message: `${printIdentity(workload)} stands in front of the network and stays there`,
      where,
      reason:
        "Multus owns the first file of the CNI folder and calls the network behind it; an exclusive Cilium would rename that file",
      remedy: fixes.join("; "),
    }),
  ];
}

function besideFinding(workload: Workload): Finding {
  if (kubeRouterRole(workload).proxies) return serviceProxyFinding(workload);
  return sourceFinding("source/companion", {
    message: `${printIdentity(workload)} speaks BGP beside the network and stays`,
    where: whereOf(workload, workload.position),
    reason: "addresses of Services that it advertises keep working only while it runs",
    remedy: "keep it, or replace it by Cilium's BGP control plane after the migration",
  });
}

/** Says that kube-router answers for Services, as the source or beside it. */
export function serviceProxyFinding(agent: Workload): Finding {
  return sourceFinding("source/service-proxy", {
    message: `${printIdentity(agent)} is the service proxy (IPVS); kube-proxy does not run`,
    where: whereOf(agent, agent.position, "spec.template.spec.containers[name=kube-router].args"),
    reason:
      "when it goes, nothing answers for ClusterIPs, NodePorts and external addresses on that node; kube-dummy-if holds them",
    remedy:
      "set target.kubeProxyReplacement: true with k8sServiceHost and k8sServicePort, so that each node's Cilium takes over before kube-router is removed; or deploy kube-proxy first",
  });
}
