import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject } from "../../lib/core/json.ts";
import { sourceNames } from "../../lib/core/source-name.ts";
import {
  detectSource,
  findNodeLeftovers,
  planSourcePreparation,
  planSourceRemoval,
} from "../../lib/source/detect-source.ts";
import { configMap, daemonSet, inventoryOf, node, object, pod } from "./inventories.ts";

const parts: readonly JsonObject[] = [
  node("a", {
    annotations: { "flannel.alpha.coreos.com/backend-type": "vxlan", "projectcalico.org/IPv4Address": "192.0.2.10/24" },
  }),
  node("b", {
    annotations: { "kube-router.io/pod-cidr": "10.1.0.0/24", "k8s.ovn.org/node-subnets": '{"default":"10.2.0.0/24"}' },
  }),
  daemonSet("calico-node", {
    containers: [{ name: "calico-node", image: "calico/node:v3.31.7", env: { CALICO_NETWORKING_BACKEND: "none" } }],
  }),
  daemonSet("kube-flannel-ds", {
    containers: [{ name: "kube-flannel", image: "flannel/flannel:v0.28.9" }],
    configMaps: ["kube-flannel-cfg"],
  }),
  daemonSet("kindnet", { containers: [{ name: "kindnet-cni", image: "kindest/kindnetd:v20250512-df8de77b" }] }),
  daemonSet("cilium", { containers: [{ name: "cilium-agent", image: "cilium/cilium:v1.20.2" }] }),
  daemonSet("weave-net", { containers: [{ name: "weave", image: "weaveworks/weave-kube:2.8.1" }], desired: 0 }),
  configMap("kube-flannel-cfg", { "net-conf.json": '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}' }),
  object("crd.projectcalico.org/v1", "IPPool", "x", { spec: { cidr: "10.100.0.0/16" } }),
  object("crd.projectcalico.org/v1", "GlobalNetworkPolicy", "y", {}),
  pod("one", "10.244.0.9", "a"),
  pod("two", "10.100.0.9", "b"),
];

test("the answer does not depend on the order of the objects", async () => {
  const answer = async (list: readonly JsonObject[]) => {
    const inventory = await inventoryOf(list);
    const detection = detectSource(inventory, "auto");
    return JSON.stringify([
      detection,
      planSourceRemoval(inventory, detection),
      planSourcePreparation(inventory, detection),
    ]).replaceAll(/"(?:line|column)":\d+,?/gu, "");
  };
  const expected = await answer(parts);

  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray([...parts], { minLength: parts.length }), async (shuffled) => {
      expect(await answer(shuffled)).toBe(expected);
    }),
    { numRuns: 25 },
  );
});

test("whatever stands in configurations and annotations, and whatever is missing, there is an answer and no crash", async () => {
  const junk = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constantFrom(
      "{",
      "[",
      "null",
      "0",
      '{"Network":7,"Backend":[]}',
      '{"default":{"mode":{}}}',
      "a: &a [*a]",
      "10.0.0.0/99",
      "-",
      "[gateway]\nmode",
    ),
  );
  const keys = fc.constantFrom(
    "net-conf.json",
    "cni_network_config",
    "cni-conf.json",
    "ovnkube.conf",
    "net_cidr",
    "antrea-agent.conf",
    "ClusterConfiguration",
    "config.conf",
  );
  const maps = fc.constantFrom(
    "kube-flannel-cfg",
    "canal-config",
    "calico-config",
    "ovn-config",
    "ovnkube-config",
    "antrea-config",
    "kubeadm-config",
    "kube-proxy",
    "kube-router-cfg",
  );
  const annotations = fc.constantFrom(
    "flannel.alpha.coreos.com/backend-data",
    "flannel.alpha.coreos.com/backend-type",
    "k3s.io/node-args",
    "k8s.ovn.org/l3-gateway-config",
    "k8s.ovn.org/node-subnets",
    "kube-router.io/pod-cidrs",
  );

  await fc.assert(
    fc.asyncProperty(
      fc.subarray([...parts]),
      fc.array(fc.tuple(maps, keys, junk), { maxLength: 4 }),
      fc.dictionary(annotations, junk),
      fc.constantFrom("auto" as const, ...sourceNames),
      async (some, configs, notes, wanted) => {
        const strange = configs.map(([name, key, text], at) =>
          configMap(name, { [key]: text }, at % 2 === 0 ? "kube-system" : "kube-flannel"),
        );
        const inventory = await inventoryOf(
          [...some, ...strange, node("z", { annotations: notes, kubelet: "v1.33.2+k3s1" })],
          [],
        );

        const detection = detectSource(inventory, wanted);

        expect(sourceNames).toContain(detection.source);
        const planned = [
          planSourceRemoval(inventory, detection),
          planSourcePreparation(inventory, detection),
          findNodeLeftovers(inventory, detection),
        ];
        expect(planned).toHaveLength(3);
      },
    ),
    { numRuns: 100 },
  );
});
