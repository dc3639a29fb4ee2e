import type { SourceAdapter } from "../source-adapter.ts";
import { antrea } from "./antrea.ts";
import { awsVpcCni } from "./aws-vpc-cni.ts";
import { calico } from "./calico.ts";
import { canal } from "./canal.ts";
import { flannel } from "./flannel.ts";
import { kindnet } from "./kindnet.ts";
import { kubeRouter } from "./kube-router.ts";
import { ovnKubernetes } from "./ovn-kubernetes.ts";
import { azureCni, cilium, gke, openshiftSdn } from "./provider-networks.ts";
import { weave } from "./weave.ts";

/** Every network that we know, in the order in which equal evidence is decided. */
export const sourceAdapters: readonly SourceAdapter[] = [
  canal,
  calico,
  flannel,
  kubeRouter,
  ovnKubernetes,
  weave,
  antrea,
  awsVpcCni,
  azureCni,
  gke,
  kindnet,
  openshiftSdn,
  cilium,
];
