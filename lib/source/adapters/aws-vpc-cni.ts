import { type Finding, whereOf } from "../../core/finding.ts";
import { printIdentity } from "../../core/identity.ts";
import { getStringMap } from "../../core/json.ts";
import { objectsOf, tryFindObject } from "../../inventory/inventory.ts";
import { buildFacts } from "../build-facts.ts";
import type { ClusterView } from "../cluster-view.ts";
import { kopsNetworking } from "../distribution-preparation.ts";
import { sourceFinding } from "../findings.ts";
import { isImage } from "../images.ts";
import { installationOf } from "../installation.ts";
import { type Claim, claimAround } from "../kubernetes-network.ts";
import { enginesOf } from "../policy-engines.ts";
import { accountsOf, definitionsOf, type KnownObject, known, ofWorkloads, planRemoval, rolesOf } from "../removal.ts";
import type { LiveSupport, NodeLeftovers, SourceFacts, SourcePreparation } from "../source.ts";
import { findAgents, type SourceAdapter } from "../source-adapter.ts";
import { readFlag, readVariable, versionOfImage, type Workload } from "../workload.ts";

const autoLabel = "eks.amazonaws.com/compute-type";

/** AWS VPC CNI: pods carry addresses of the VPC. EKS Auto Mode runs it inside the node image, with no DaemonSet. */
export const awsVpcCni: SourceAdapter = {
  name: "aws-vpc-cni",
  signals: {
    isAgent: isAwsNode,
    embedded: (view) => {
      const node = view.readyNodes.find((one) => one.labels[autoLabel] === "auto");
      return node === undefined
        ? undefined
        : { object: `Node/${node.name}`, field: `metadata.labels["${autoLabel}"]`, value: "auto" };
    },
    nodeAnnotations: () => [],
    podAnnotations: ["vpc.amazonaws.com/pod-eni"],
    configMaps: ["amazon-vpc-cni"],
    resources: [
      { kind: "ENIConfig", group: "crd.k8s.amazonaws.com" },
      { kind: "CNINode", group: "vpcresources.k8s.aws" },
    ],
    definitionGroups: ["crd.k8s.amazonaws.com"],
    claims: () => [],
  },
  facts: (view) => ({ facts: combine(view), findings: [] }),
  live: decideLive,
  findings: findHazards,
  preparation: planPreparation,
  removal: (view) => planRemoval(view, isAutoMode(view) ? [] : removalTable(view, findAgents(awsVpcCni.signals, view))),
  leftovers,
};

function isAwsNode(workload: Workload): boolean {
  if (!workload.isHostNetwork) return false;
  return (
    workload.name === "aws-node" || workload.containers.some((one) => isImage(one.image, /(?:^|\/)amazon-k8s-cni$/u))
  );
}

const isAutoMode = (view: ClusterView): boolean =>
  findAgents(awsVpcCni.signals, view).length === 0 && awsVpcCni.signals.embedded?.(view) !== undefined;

// The VPC is in no Kubernetes object: the addresses in use are all that an inventory tells.
function addressClaims(view: ClusterView): readonly Claim[] {
  const ofNodes = view.inventory.nodes.flatMap((node) => node.addresses.filter(({ type }) => type === "InternalIP"));
  const addresses = [...view.networkPods.flatMap((pod) => pod.podIPs), ...ofNodes.map(({ address }) => address)];
  return claimAround(addresses, "addresses of pods and nodes");
}

function combine(view: ClusterView): SourceFacts {
  const agents = findAgents(awsVpcCni.signals, view);
  const [agent] = agents;
  const engines = enginesOf(view);
  const mtu = Number(readVariable(agent, "AWS_VPC_ENI_MTU") ?? Number.NaN);
  const version = versionOfImage(agent?.containers.find((one) => isImage(one.image, /amazon-k8s-cni$/u))?.image ?? "");
  const enforces = hasOwnPolicies(view, agents);
  return buildFacts(view, {
    agents,
    claims: addressClaims(view),
    usesNodeCIDRs: false,
    encapsulation: "none",
    ...(Number.isInteger(mtu) && { mtu }),
    ...(version !== undefined && { version }),
    dataplane: "iptables",
    installation: isAutoMode(view) ? "eks-auto" : ownerOf(view, agents),
    enforcedPolicyKinds: [...new Set([...(enforces ? ownKinds(view) : []), ...engines.kinds])].sort(),
    policyEngines: engines.names,
    devices: ["eni+", "pod-id-link0"],
    cniConfFile: "10-aws.conflist",
    cniNetworkName: "aws-cni",
    details: {
      customNetworking: whenTrue(readVariable(agent, "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG")),
      excludeSNAT: readVariable(agent, "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS"),
      externalSNAT: readVariable(agent, "AWS_VPC_K8S_CNI_EXTERNALSNAT") ?? "false",
      podSecurityGroups: whenTrue(readVariable(agent, "ENABLE_POD_ENI")),
      prefixDelegation: whenTrue(readVariable(agent, "ENABLE_PREFIX_DELEGATION")),
    },
  });
}

const whenTrue = (value: string | undefined): string | undefined => (value === "true" ? "yes" : undefined);

function ownerOf(view: ClusterView, agents: readonly Workload[]): string {
  const owner = installationOf(view, agents);
  return owner === "helm" && view.distribution === "eks" ? "eks-addon" : owner;
}

/** Whether the network policy agent is on. Source: amazon-vpc-cni-k8s v1.22 config/master/aws-k8s-cni.yaml. */
function hasOwnPolicies(view: ClusterView, agents: readonly Workload[]): boolean {
  const map = tryFindObject(view.inventory, "ConfigMap", "amazon-vpc-cni", "kube-system");
  if (getStringMap(map?.object, "data")["enable-network-policy-controller"] === "true") return true;
  return agents.some((agent) =>
    agent.containers.some(
      (one) => one.name === "aws-eks-nodeagent" && readFlag(one.words, "enable-network-policy") === "true",
    ),
  );
}

function ownKinds(view: ClusterView): readonly string[] {
  const extra = ["ClusterNetworkPolicy", "ApplicationNetworkPolicy"].filter(
    (kind) => objectsOf(view.inventory, kind, "networking.k8s.aws").length > 0,
  );
  return ["NetworkPolicy.networking.k8s.io", ...extra.map((kind) => `${kind}.networking.k8s.aws`)];
}

function decideLive(view: ClusterView, facts: SourceFacts): LiveSupport {
  if (isAutoMode(view))
    return {
      kind: "refused",
      reason: "EKS Auto Mode runs the network inside the node image and replaces nodes by itself",
      alternatives: ["node groups without Auto Mode, then plan again", "blue-green"],
    };
  const conditions = [
    "the new pool lies outside every prefix of the VPC (and of AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS): name them in reservedCIDRs",
    "security groups between the nodes open Cilium's tunnel port (UDP), TCP 4240 and ICMP",
    "Cilium's values keep cni.iptablesRemoveAWSRules: false until the end",
  ];
  if (facts.details["externalSNAT"] === "true")
    conditions.unshift("external SNAT is switched off for the migration (AWS_VPC_K8S_CNI_EXTERNALSNAT=false)");
  if (facts.details["podSecurityGroups"] === "yes")
    conditions.push(
      "pods with security groups of their own (ENABLE_POD_ENI) lose them: replace them by Cilium policies first",
    );
  if (view.distribution === "eks")
    conditions.push(
      "the managed control plane cannot reach addresses of the new pool: webhooks and aggregated APIs run in the host's network",
    );
  return { kind: "conditional", conditions };
}

function findHazards(view: ClusterView, facts: SourceFacts): readonly Finding[] {
  const [agent] = findAgents(awsVpcCni.signals, view);
  if (isAutoMode(view)) return [autoFinding(view)];
  const notTold = sourceFinding("source/not-checked", {
    message: `the VPC's prefixes are in no Kubernetes object; pods and nodes use addresses within ${facts.podCIDRs.join(", ") || "no prefix that is told"}`,
    remedy:
      "name every prefix of the VPC in the plan's reservedCIDRs: aws ec2 describe-vpcs --query 'Vpcs[].CidrBlockAssociationSet[].CidrBlock'",
  });
  if (facts.details["externalSNAT"] !== "true" || agent === undefined) return [notTold];
  return [
    notTold,
    sourceFinding("source/external-snat", {
      message: `${printIdentity(agent)} runs with AWS_VPC_K8S_CNI_EXTERNALSNAT=true`,
      where: whereOf(
        agent,
        agent.position,
        "spec.template.spec.containers[name=aws-node].env[name=AWS_VPC_K8S_CNI_EXTERNALSNAT]",
      ),
      reason:
        "without the rule that sends off-VPC traffic to the main table, pods on secondary interfaces send packets for Cilium's pool into the VPC",
      remedy: "set AWS_VPC_K8S_CNI_EXTERNALSNAT=false on container aws-node for the migration",
    }),
  ];
}

function autoFinding(view: ClusterView): Finding {
  const node = view.readyNodes.find((one) => one.labels[autoLabel] === "auto");
  return sourceFinding("source/provider-managed", {
    message: "EKS Auto Mode runs the network of its nodes",
    ...(node !== undefined && { where: whereOf(node, node.position, `metadata.labels["${autoLabel}"]`) }),
    reason: "there is no DaemonSet to prepare or remove, and AWS replaces nodes at any time",
    remedy: "add node groups without Auto Mode and move the workloads there first",
  });
}

function planPreparation(view: ClusterView, facts: SourceFacts): readonly SourcePreparation[] {
  const [agent] = findAgents(awsVpcCni.signals, view);
  if (agent === undefined) return [];
  const steps = facts.details["externalSNAT"] === "true" ? [externalSnatOff(agent, facts)] : [];
  if (facts.installation === "kops") return [...steps, kopsNetworking("amazonvpc")];
  if (view.distribution === "eks") return [...steps, addonOff];
  return steps;
}

function externalSnatOff(agent: Workload, facts: SourceFacts): SourcePreparation {
  const name = "AWS_VPC_K8S_CNI_EXTERNALSNAT";
  const place = `${agent.namespace} daemonset/${agent.name}`;
  const isAddon = facts.installation === "eks-addon";
  const addon = (value: string) =>
    `aws eks update-addon --cluster-name "$CLUSTER" --addon-name vpc-cni --resolve-conflicts OVERWRITE --configuration-values '{"env":{"${name}":"${value}"}}'`;
  return {
    title: "Switch off external SNAT of the AWS VPC CNI",
    why: "pods on secondary interfaces reach Cilium's pool only with the rule that sends off-VPC traffic to the main table",
    ...(!isAddon && {
      object: {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { namespace: agent.namespace, name: agent.name },
        spec: { template: { spec: { containers: [{ name: "aws-node", env: [{ name, value: "false" }] }] } } },
      },
    }),
    commands: [
      isAddon ? addon("false") : `kubectl set env -n ${place} -c aws-node ${name}=false`,
      `kubectl rollout status -n ${place}`,
    ],
    before: "install",
    necessity: "required",
    undo: [isAddon ? addon("true") : `kubectl set env -n ${place} -c aws-node ${name}=true`],
  };
}

const addonOff: SourcePreparation = {
  title: "Take the VPC CNI add-on out of EKS",
  why: "as an EKS add-on it is applied again by AWS",
  commands: [
    'aws eks describe-addon --cluster-name "$CLUSTER" --addon-name vpc-cni',
    'aws eks delete-addon --cluster-name "$CLUSTER" --addon-name vpc-cni --preserve',
  ],
  before: "removal",
  necessity: "required",
  undo: ['aws eks create-addon --cluster-name "$CLUSTER" --addon-name vpc-cni'],
};

function removalTable(view: ClusterView, agents: readonly Workload[]): readonly KnownObject[] {
  const namespace = "kube-system";
  const only = "only the VPC CNI used it";
  return [
    ...ofWorkloads(agents, "agents", "the VPC CNI's agents"),
    known("agents", "DaemonSet", "aws-node", namespace, "the VPC CNI's agents"),
    ...rolesOf(["aws-node"], only),
    ...accountsOf(["aws-node"], namespace, only),
    known("configuration", "ConfigMap", "amazon-vpc-cni", namespace, only),
    // CNINode and SecurityGroupPolicy belong to EKS' control plane and stay.
    ...definitionsOf(
      view,
      ["crd.k8s.amazonaws.com", "networking.k8s.aws"],
      ["eniconfigs.crd.k8s.amazonaws.com", "policyendpoints.networking.k8s.aws"],
      "deleting a definition deletes its objects: last, when no agent reads them",
    ),
  ];
}

function leftovers(_view: ClusterView, facts: SourceFacts): NodeLeftovers {
  return {
    devices: facts.devices,
    iptablesChainPrefixes: ["AWS-SNAT-CHAIN-", "AWS-CONNMARK-CHAIN-"],
    iptablesRuleTags: ["AWS SNAT CHAIN", "AWS, primary ENI", "AWS, CONNMARK"],
    nftTables: [],
    ipsetPrefixes: [],
    files: [
      `${facts.cniConfDirectory}/10-aws.conflist`,
      `${facts.cniConfDirectory}/10-aws.conflist.cilium_bak`,
      `${facts.cniBinDirectory}/aws-cni`,
      `${facts.cniBinDirectory}/egress-cni`,
      "/var/run/aws-node",
      "/var/log/aws-routed-eni",
    ],
    nodeAnnotationPrefixes: ["vpc.amazonaws.com/"],
    portmapNetworks: ["aws-cni"],
  };
}
