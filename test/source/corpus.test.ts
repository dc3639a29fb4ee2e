import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { isJsonObject, type JsonObject } from "../../lib/core/json.ts";
import { detectSource } from "../../lib/source/detect-source.ts";
import type { SourceDetection } from "../../lib/source/source.ts";
import { daemonSet, inventoryOf, node, object, pod, readManifest } from "./inventories.ts";

/** The objects of manifests, every DaemonSet with the status of one that runs on both nodes. */
function applied(...paths: readonly string[]): readonly JsonObject[] {
  const objects = paths.flatMap((path) =>
    parseAllDocuments(readManifest(path), { logLevel: "silent" }).flatMap((document) => {
      const value: unknown = document.toJS();
      if (!isJsonObject(value)) return [];
      return value["kind"] === "List" ? (value["items"] as readonly JsonObject[]) : [value];
    }),
  );
  const status = { desiredNumberScheduled: 2, numberReady: 2 };
  return objects.map((one) => (one["kind"] === "DaemonSet" ? { ...one, status } : one));
}

const bare = [node("a", { podCIDRs: ["10.244.0.0/24"] }), node("b", { podCIDRs: ["10.244.1.0/24"] })];
const annotated = (annotations: Readonly<Record<string, string>>, podCIDRs = ["10.244.0.0/24"]) => [
  node("a", { annotations, podCIDRs }),
  pod("web", "10.244.0.9"),
];
const ofFlannel = annotated({ "flannel.alpha.coreos.com/backend-type": "vxlan" });
const calicoNode = annotated({ "projectcalico.org/IPv4Address": "192.0.2.10/24" });
const kops = (name: string, addon: string) =>
  `kubernetes+kops/HEAD/tests/integration/update_cluster/${name}/data/aws_s3_object_${addon}_content`;

function summary({ source, confidence, facts, live, findings }: SourceDetection): string {
  const port = facts.tunnelPort === undefined ? "" : `:${facts.tunnelPort}`;
  const beside = [...facts.policyEngines, ...facts.companions];
  return [
    `${source} ${confidence}`,
    `${facts.encapsulation}${port}`,
    facts.dataplane ?? "-",
    facts.installation,
    facts.podCIDRs.join(" "),
    facts.cniConfDirectory,
    facts.cniConfFile ?? "-",
    facts.version ?? "-",
    facts.enforcedPolicyKinds.length > 0 ? "policy" : "no policy",
    beside.length > 0 ? beside.join(" ") : "alone",
    live.kind,
    [...new Set(findings.map((finding) => finding.code.replace("source/", "")))].join(" "),
  ].join(" | ");
}

// A row: what it is, the manifests, what stands beside them, the answer.
const rows: readonly (readonly [string, readonly string[], readonly JsonObject[], string])[] = [
  [
    "Calico by its oldest manifest, with the pool in a variable",
    ["vmware-tanzu+community-edition/HEAD/addons/packages/calico/3.11.3/bundle/config/upstream/calico.yaml"],
    bare,
    "calico certain | ipip | iptables | manifest | 192.168.0.0/16 | /etc/cni/net.d | 10-calico.conflist | 3.11.3 | policy | alone | supported | autodetection not-checked",
  ],
  [
    "Calico IPIP, older manifest",
    ["projectcalico+calico/v3.24.6/manifests/calico.yaml"],
    calicoNode,
    "calico certain | ipip | iptables | manifest | 10.244.0.9/32 | /etc/cni/net.d | 10-calico.conflist | 3.24.5 | policy | alone | supported | autodetection not-checked",
  ],
  [
    "Calico IPIP, newest manifest",
    ["projectcalico+calico/v3.31.7/manifests/calico.yaml"],
    calicoNode,
    "calico certain | ipip | iptables | manifest | 10.244.0.9/32 | /etc/cni/net.d | 10-calico.conflist | 3.31.7 | policy | alone | supported | autodetection not-checked",
  ],
  [
    "Calico VXLAN, older manifest",
    ["projectcalico+calico/v3.24.6/manifests/calico-vxlan.yaml"],
    bare,
    "calico certain | vxlan:4789 | iptables | manifest | 192.168.0.0/16 | /etc/cni/net.d | 10-calico.conflist | 3.24.5 | policy | alone | supported | autodetection not-checked",
  ],
  [
    "Calico VXLAN, newest manifest",
    ["projectcalico+calico/v3.31.7/manifests/calico-vxlan.yaml"],
    bare,
    "calico certain | vxlan:4789 | iptables | manifest | 192.168.0.0/16 | /etc/cni/net.d | 10-calico.conflist | 3.31.7 | policy | alone | supported | autodetection not-checked",
  ],
  [
    "Calico with Typha",
    ["projectcalico+calico/v3.31.7/manifests/calico-typha.yaml"],
    bare,
    "calico certain | ipip | iptables | manifest | 192.168.0.0/16 | /etc/cni/net.d | 10-calico.conflist | 3.31.7 | policy | alone | supported | autodetection not-checked",
  ],
  [
    "Calico with the eBPF dataplane",
    ["projectcalico+calico/v3.31.7/manifests/calico-bpf.yaml"],
    bare,
    "calico certain | none | ebpf | manifest | 192.168.0.0/16 | /etc/cni/net.d | 10-calico.conflist | 3.31.7 | policy | alone | refused | autodetection ebpf-dataplane not-checked",
  ],
  [
    "Calico with its objects in etcd",
    ["projectcalico+calico/v3.31.7/manifests/calico-etcd.yaml"],
    bare,
    "calico certain | ipip | iptables | manifest | 192.168.0.0/16 | /etc/cni/net.d | 10-calico.conflist | 3.31.7 | policy | alone | conditional | autodetection etcd-datastore",
  ],
  [
    "Calico's policy manifest alone installs its plugin: it is the network, over the cloud's routes",
    ["projectcalico+calico/v3.31.7/manifests/calico-policy-only.yaml"],
    bare,
    "calico certain | none | iptables | manifest | 10.244.0.0/23 | /etc/cni/net.d | 10-calico.conflist | 3.31.7 | policy | alone | supported | ",
  ],
  [
    "the same of an older release beside Coil, whose CNI we do not know",
    ["cybozu-go+neco-apps/HEAD/network-policy/base/calico/upstream/calico-policy-only.yaml"],
    [...bare, daemonSet("coild", { containers: [{ name: "coild", image: "ghcr.io/cybozu-go/coil:2.7.2" }] })],
    "unknown unsure | unknown | - | manifest | 10.244.0.0/23 | /etc/cni/net.d | - | - | policy | calico | refused | unknown policy-engine",
  ],
  [
    "Calico by the operator",
    [
      "projectcalico+calico/v3.31.7/manifests/tigera-operator.yaml",
      "projectcalico+calico/v3.31.7/manifests/custom-resources.yaml",
      "projectcalico+calico/v3.31.7/manifests/apiserver.yaml",
    ],
    [
      ...bare,
      daemonSet("calico-node", {
        namespace: "calico-system",
        containers: [
          { name: "calico-node", image: "quay.io/calico/node:v3.31.7", env: { CALICO_NETWORKING_BACKEND: "bird" } },
        ],
      }),
    ],
    "calico certain | vxlan:4789 | iptables | operator | 192.168.0.0/16 | /etc/cni/net.d | 10-calico.conflist | 3.31.7 | policy | alone | supported | autodetection operator-reconcile not-checked",
  ],
  [
    "the operator's resources without anything that runs name no source",
    ["projectcalico+calico/v3.24.6/manifests/custom-resources.yaml"],
    bare,
    "unknown unsure | unknown | - | manifest | 10.244.0.0/23 | /etc/cni/net.d | - | - | no policy | alone | refused | unknown earlier-leftovers",
  ],
  [
    "Canal, older manifest",
    ["projectcalico+calico/v3.24.6/manifests/canal.yaml"],
    ofFlannel,
    "canal certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-canal.conflist | 3.24.5 | policy | alone | supported | ",
  ],
  [
    "Canal, newest manifest",
    ["projectcalico+calico/v3.31.7/manifests/canal.yaml"],
    ofFlannel,
    "canal certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-canal.conflist | 3.31.7 | policy | alone | supported | ",
  ],
  [
    "Canal with etcd",
    ["projectcalico+calico/v3.31.7/manifests/canal-etcd.yaml"],
    bare,
    "canal certain | unknown | iptables | manifest | 10.244.0.0/23 | /etc/cni/net.d | 10-canal.conflist | 3.31.7 | policy | alone | conditional | etcd-datastore",
  ],
  [
    "Canal made of two: flannel's manifest and Calico's policy manifest",
    [
      "flannel-io+flannel/v0.28.9/Documentation/kube-flannel.yml",
      "projectcalico+calico/v3.31.7/manifests/calico-policy-only.yaml",
    ],
    ofFlannel,
    "canal certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-calico.conflist | 3.31.7 | policy | alone | supported | ",
  ],
  [
    "Calico's own migration from flannel under way",
    [
      "flannel-io+flannel/v0.28.9/Documentation/kube-flannel.yml",
      "projectcalico+calico/v3.31.7/manifests/calico-vxlan.yaml",
      "projectcalico+calico/v3.31.7/manifests/flannel-migration/migration-job.yaml",
    ],
    bare,
    "calico unsure | vxlan:4789 | iptables | manifest | 192.168.0.0/16 | /etc/cni/net.d | 10-calico.conflist | 3.31.7 | policy | alone | refused | autodetection migration-under-way not-checked",
  ],
  [
    "MicroK8s 1.24",
    ["canonical+microk8s/v1.24/upgrade-scripts/000-switch-to-calico/resources/calico.yaml"],
    bare,
    "calico certain | vxlan:4789 | iptables | microk8s | 10.1.0.0/16 | /var/snap/microk8s/current/args/cni-network | 10-calico.conflist | 3.21.4 | policy | alone | supported | autodetection operator-reconcile not-checked",
  ],
  [
    "MicroK8s, newest",
    ["canonical+microk8s/HEAD/upgrade-scripts/000-switch-to-calico/resources/calico.yaml"],
    bare,
    "calico certain | vxlan:4789 | iptables | microk8s | 10.1.0.0/16 | /var/snap/microk8s/current/args/cni-network | 10-calico.conflist | 3.29.3 | policy | alone | supported | autodetection operator-reconcile not-checked",
  ],
  [
    "Calico by kOps",
    [kops("privatecalico", "privatecalico.example.com-addons-networking.projectcalico.org-k8s-1.25")],
    bare,
    "calico certain | ipip | iptables | kops | 100.96.0.0/11 | /etc/cni/net.d | 10-calico.conflist | 3.31.6 | policy | alone | supported | autodetection operator-reconcile not-checked",
  ],
  [
    "Calico by kOps, IPv6 only",
    [kops("minimal-ipv6-calico", "minimal-ipv6.example.com-addons-networking.projectcalico.org-k8s-1.25")],
    [node("a", { podCIDRs: ["2001:db8:0:113::/96"], address: "2001:db8::10" })],
    "calico certain | none | iptables | kops | 2001:db8:0:113::/96 | /etc/cni/net.d | 10-calico.conflist | 3.31.6 | policy | alone | supported | operator-reconcile",
  ],
  [
    "flannel before DaemonSets for all architectures were one",
    ["flannel-io+flannel/v0.12.0/Documentation/kube-flannel.yml"],
    ofFlannel,
    "flannel certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-flannel.conflist | 0.12.0 | no policy | alone | supported | ",
  ],
  [
    "flannel, legacy manifest",
    ["flannel-io+flannel/v0.12.0/Documentation/k8s-manifests/kube-flannel-legacy.yml"],
    ofFlannel,
    "flannel certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-flannel.conflist | 0.10.0 | no policy | alone | supported | ",
  ],
  [
    "flannel in kube-system",
    ["flannel-io+flannel/v0.15.1/Documentation/kube-flannel.yml"],
    ofFlannel,
    "flannel certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-flannel.conflist | 0.15.1 | no policy | alone | supported | ",
  ],
  [
    "flannel, newest manifest",
    ["flannel-io+flannel/v0.28.9/Documentation/kube-flannel.yml"],
    ofFlannel,
    "flannel certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-flannel.conflist | 0.28.9 | no policy | alone | supported | ",
  ],
  [
    "flannel by kOps",
    [kops("privateflannel", "privateflannel.example.com-addons-networking.flannel-k8s-1.25")],
    [node("a")],
    "flannel certain | vxlan:8472 | iptables | kops | 100.64.0.0/10 | /etc/cni/net.d | 10-flannel.conflist | 0.28.9 | no policy | alone | supported | operator-reconcile",
  ],
  [
    "kube-router with everything, oldest",
    ["cloudnativelabs+kube-router/v0.4.0/daemonset/generic-kuberouter-all-features.yaml"],
    bare,
    "kube-router certain | ipip | iptables | manifest | 10.244.0.0/23 | /etc/cni/net.d | 10-kuberouter.conflist | - | policy | alone | conditional | service-proxy",
  ],
  [
    "kube-router beside kube-proxy",
    ["cloudnativelabs+kube-router/v2.5.0/daemonset/kubeadm-kuberouter.yaml"],
    bare,
    "kube-router certain | ipip | iptables | manifest | 10.244.0.0/23 | /etc/cni/net.d | 10-kuberouter.conflist | - | policy | alone | supported | ",
  ],
  [
    "kube-router with everything, newest",
    ["cloudnativelabs+kube-router/v2.5.0/daemonset/kubeadm-kuberouter-all-features.yaml"],
    bare,
    "kube-router certain | ipip | iptables | manifest | 10.244.0.0/23 | /etc/cni/net.d | 10-kuberouter.conflist | - | policy | alone | conditional | service-proxy",
  ],
  [
    "kube-router with host ports",
    ["cloudnativelabs+kube-router/v2.5.0/daemonset/kubeadm-kuberouter-all-features-hostport.yaml"],
    bare,
    "kube-router certain | ipip | iptables | manifest | 10.244.0.0/23 | /etc/cni/net.d | 10-kuberouter.conflist | - | policy | alone | conditional | service-proxy",
  ],
  [
    "kube-router as firewall on flannel, oldest",
    [
      "cloudnativelabs+kube-router/v0.4.0/daemonset/kube-router-firewall-daemonset.yaml",
      "flannel-io+flannel/v0.15.1/Documentation/kube-flannel.yml",
    ],
    ofFlannel,
    "flannel certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-flannel.conflist | 0.15.1 | policy | kube-router | supported | policy-engine",
  ],
  [
    "kube-router as firewall on flannel, newest",
    [
      "cloudnativelabs+kube-router/v2.5.0/daemonset/kube-router-firewall-daemonset.yaml",
      "flannel-io+flannel/v0.28.9/Documentation/kube-flannel.yml",
    ],
    ofFlannel,
    "flannel certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-flannel.conflist | 0.28.9 | policy | kube-router | supported | policy-engine",
  ],
  [
    "kube-router as service proxy beside flannel",
    [
      "cloudnativelabs+kube-router/v2.5.0/daemonset/kube-router-proxy-daemonset.yaml",
      "flannel-io+flannel/v0.28.9/Documentation/kube-flannel.yml",
    ],
    ofFlannel,
    "flannel certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-flannel.conflist | 0.28.9 | no policy | alone | supported | service-proxy",
  ],
  [
    "kube-router that only advertises addresses beside Calico",
    [
      "cloudnativelabs+kube-router/v2.5.0/daemonset/generic-kuberouter-only-advertise-routes.yaml",
      "projectcalico+calico/v3.31.7/manifests/calico-vxlan.yaml",
    ],
    bare,
    "calico certain | vxlan:4789 | iptables | manifest | 192.168.0.0/16 | /etc/cni/net.d | 10-calico.conflist | 3.31.7 | policy | alone | supported | autodetection companion not-checked",
  ],
  [
    "oldest Multus in front of flannel",
    [
      "k8snetworkplumbingwg+multus-cni/v3.4.2/images/multus-daemonset.yml",
      "flannel-io+flannel/v0.15.1/Documentation/kube-flannel.yml",
    ],
    ofFlannel,
    "flannel certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-flannel.conflist | 0.15.1 | no policy | multus | supported | multus",
  ],
  [
    "thin Multus in front of Canal",
    [
      "k8snetworkplumbingwg+multus-cni/v4.2.4/deployments/multus-daemonset.yml",
      "projectcalico+calico/v3.31.7/manifests/canal.yaml",
    ],
    ofFlannel,
    "canal certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-canal.conflist | 3.31.7 | policy | multus | supported | multus",
  ],
  [
    "thick Multus in front of Canal",
    [
      "k8snetworkplumbingwg+multus-cni/v4.2.4/deployments/multus-daemonset-thick.yml",
      "projectcalico+calico/v3.31.7/manifests/canal.yaml",
    ],
    ofFlannel,
    "canal certain | vxlan:8472 | iptables | manifest | 10.244.0.0/16 | /etc/cni/net.d | 10-canal.conflist | 3.31.7 | policy | multus | supported | multus",
  ],
  [
    "Weave, oldest",
    ["weaveworks+weave/v2.5.2/prog/weave-kube/weave-daemonset-k8s-1.8.yaml"],
    [node("a"), pod("web", "10.40.0.7")],
    "weave certain | vxlan:6784 | iptables | manifest | 10.32.0.0/12 | /etc/cni/net.d | 10-weave.conflist | - | policy | alone | conditional | ended-project",
  ],
  [
    "Weave, newest",
    ["weaveworks+weave/v2.8.1/prog/weave-kube/weave-daemonset-k8s-1.11.yaml"],
    [node("a"), pod("web", "10.40.0.7")],
    "weave certain | vxlan:6784 | iptables | manifest | 10.32.0.0/12 | /etc/cni/net.d | 10-weave.conflist | - | policy | alone | conditional | ended-project",
  ],
  [
    "Antrea, oldest",
    ["vmware-tanzu+community-edition/HEAD/addons/packages/antrea/0.11.3/bundle/config/upstream/antrea.yaml"],
    bare,
    "antrea likely | geneve:6081 | openvswitch | manifest | 10.244.0.0/23 | /etc/cni/net.d | 10-antrea.conflist | - | policy | alone | conditional | ",
  ],
  [
    "Antrea 1.15",
    ["antrea-io+antrea/v1.15.2/build/yamls/antrea.yml"],
    bare,
    "antrea certain | geneve:6081 | openvswitch | manifest | 10.244.0.0/23 | /etc/cni/net.d | 10-antrea.conflist | - | policy | alone | conditional | ",
  ],
  [
    "Antrea, newest",
    ["antrea-io+antrea/v2.6.3/build/yamls/antrea.yml"],
    bare,
    "antrea certain | geneve:6081 | openvswitch | manifest | 10.244.0.0/23 | /etc/cni/net.d | 10-antrea.conflist | - | policy | alone | conditional | ",
  ],
  [
    "Antrea with IPsec",
    ["antrea-io+antrea/v2.6.3/build/yamls/antrea-ipsec.yml"],
    bare,
    "antrea certain | ipsec | openvswitch | manifest | 10.244.0.0/23 | /etc/cni/net.d | 10-antrea.conflist | - | policy | alone | conditional | ",
  ],
  [
    "Antrea as policy engine on the AWS VPC CNI",
    [
      "antrea-io+antrea/v2.6.3/build/yamls/antrea-eks.yml",
      "aws+amazon-vpc-cni-k8s/v1.22.4/config/master/aws-k8s-cni.yaml",
    ],
    [node("a", { address: "10.0.1.5" }), pod("web", "10.0.1.77")],
    "aws-vpc-cni certain | none | iptables | manifest | 10.0.1.0/25 | /etc/cni/net.d | 10-aws.conflist | 1.22.4 | policy | antrea | conditional | not-checked policy-engine",
  ],
  [
    "AWS VPC CNI, oldest, with Calico's policy manifest of its time",
    [
      "aws+amazon-vpc-cni-k8s/v1.10.0/config/master/aws-k8s-cni.yaml",
      "aws+amazon-vpc-cni-k8s/v1.10.0/config/v1.5/calico.yaml",
    ],
    [node("a", { address: "10.0.1.5" }), pod("web", "10.0.1.77")],
    "aws-vpc-cni likely | none | iptables | manifest | 10.0.1.0/25 | /etc/cni/net.d | 10-aws.conflist | 1.10.0 | policy | calico | conditional | not-checked policy-engine",
  ],
  [
    "AWS VPC CNI with Calico's policy by the operator",
    [
      "aws+amazon-vpc-cni-k8s/v1.22.4/config/master/aws-k8s-cni.yaml",
      "aws+amazon-vpc-cni-k8s/v1.10.0/config/master/calico-crs.yaml",
    ],
    [
      node("a", { address: "10.0.1.5" }),
      daemonSet("calico-node", {
        namespace: "calico-system",
        containers: [
          {
            name: "calico-node",
            image: "quay.io/calico/node:v3.21.2",
            env: { CALICO_NETWORKING_BACKEND: "none", FELIX_INTERFACEPREFIX: "eni" },
          },
        ],
      }),
    ],
    "aws-vpc-cni certain | none | iptables | manifest | 10.0.1.5/32 | /etc/cni/net.d | 10-aws.conflist | 1.22.4 | policy | calico | conditional | not-checked policy-engine",
  ],
  [
    "AWS VPC CNI by kOps",
    [kops("many-addons", "many-addons.example.com-addons-networking.amazon-vpc-routed-eni-k8s-1.16")],
    [node("a", { address: "10.0.1.5" })],
    "aws-vpc-cni certain | none | iptables | kops | 10.0.1.5/32 | /etc/cni/net.d | 10-aws.conflist | 1.23.0 | no policy | alone | conditional | operator-reconcile not-checked",
  ],
  [
    "kindnet by kOps",
    [kops("privatekindnet", "privatekindnet.example.com-addons-networking.kindnet-k8s-1.32")],
    bare,
    "kindnet likely | none | nftables | kops | 10.244.0.0/23 | /etc/cni/net.d | 10-kindnet.conflist | - | policy | alone | supported | operator-reconcile",
  ],
  [
    "Cilium in a namespace of its own",
    ["cilium-agent/daemonset.yaml", "cilium-configmap.yaml"].map(
      (file) =>
        `projectsyn+component-cilium/HEAD/tests/golden/custom-namespace/cilium/cilium/01_cilium_helmchart/cilium/templates/${file}`,
    ),
    [
      node("a"),
      object("cilium.io/v2", "CiliumNode", "a", { spec: { ipam: { podCIDRs: ["10.128.0.0/24"] } } }),
      pod("web", "10.128.0.9"),
    ],
    "cilium certain | unknown | - | manifest | 10.128.0.0/24 | /etc/cni/net.d | 05-cilium.conflist | 1.18.13 | policy | alone | refused | already-cilium",
  ],
  [
    "Cilium by kOps",
    [kops("privatecilium", "privatecilium.example.com-addons-networking.cilium.io-k8s-1.16")],
    [node("a")],
    "cilium certain | unknown | - | kops |  | /etc/cni/net.d | 05-cilium.conflist | 1.18.12 | policy | alone | refused | already-cilium operator-reconcile",
  ],
  [
    "a network of kOps that we do not know",
    [kops("privatekopeio", "privatekopeio.example.com-addons-networking.kope.io-k8s-1.12")],
    bare,
    "unknown unsure | unknown | - | manifest | 10.244.0.0/23 | /etc/cni/net.d | - | - | no policy | alone | refused | unknown",
  ],
];

test.each(rows)("%s", async (_what, manifests, beside, expected) => {
  const inventory = await inventoryOf([...applied(...manifests), ...beside]);

  expect(summary(detectSource(inventory, "auto"))).toBe(expected);
});
