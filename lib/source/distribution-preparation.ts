import type { SourcePreparation } from "./source.ts";

/** RKE2 brings its network back as a chart unless its servers are told to have none. */
export function rke2CniNone(chart: string): SourcePreparation {
  return {
    title: `Take ${chart} out of RKE2's configuration`,
    why: "RKE2's servers install the chart of their `cni` setting again at every start",
    commands: [
      "# on every server set in /etc/rancher/rke2/config.yaml: cni: none",
      "# restart the servers one by one: systemctl restart rke2-server",
      `kubectl get helmchart -n kube-system ${chart} # until it is gone`,
    ],
    before: "removal",
    necessity: "required",
    undo: ["# set cni back to its old value and restart the servers the same way"],
  };
}

/** kOps applies its networking addon from the cluster spec. */
export function kopsNetworking(name: string): SourcePreparation {
  return {
    title: "Take the network out of kOps' cluster spec",
    why: "kOps' channels apply the networking addon again from the cluster spec",
    commands: [
      `kops edit cluster # replace spec.networking.${name} by spec.networking.cni: {}`,
      "kops update cluster --yes # and no rolling update",
    ],
    before: "removal",
    necessity: "required",
    undo: [`kops edit cluster # set spec.networking.${name} again`, "kops update cluster --yes"],
  };
}
