import { expect, test } from "vitest";
import { InvariantError } from "../../lib/core/invariant.ts";
import { isLabelValue, newNodesConfig, newNodeTaint, nodeBatch, nodeBatchUndo } from "../../lib/target/node-config.ts";

const defaults = { "cni-exclusive": "true", "write-cni-conf-when-ready": "/host/etc/cni/net.d/05-cilium.conflist" };

test("a node batch selects its hosts by name, sorted and each once", () => {
  expect(nodeBatch("100-canary", ["b", "a", "b"], defaults)).toEqual({
    apiVersion: "cilium.io/v2",
    kind: "CiliumNodeConfig",
    metadata: { name: "metachron-100-canary", namespace: "kube-system" },
    spec: {
      nodeSelector: {
        matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["a", "b"] }],
      },
      defaults,
    },
  });
});

test("the way back sorts after its batch and switches the agent's care for CNI files off", () => {
  const undo = nodeBatchUndo("100-canary", ["a"], "cilium");

  expect(undo).toEqual({
    apiVersion: "cilium.io/v2",
    kind: "CiliumNodeConfig",
    metadata: { name: "metachron-100-canary-undo", namespace: "cilium" },
    spec: {
      nodeSelector: { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["a"] }] },
      defaults: { "cni-exclusive": "false", "write-cni-conf-when-ready": "" },
    },
  });
  expect(["metachron-100-canary-undo", "metachron-110-general", "metachron-100-canary"].sort()).toEqual([
    "metachron-100-canary",
    "metachron-100-canary-undo",
    "metachron-110-general",
  ]);
});

test("new nodes are all that the plan does not know, and start with a taint", () => {
  expect(newNodesConfig(["b", "a"], defaults)).toMatchObject({
    metadata: { name: "metachron-zz-new-nodes" },
    spec: {
      nodeSelector: { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "NotIn", values: ["a", "b"] }] },
    },
  });
  expect(newNodeTaint).toEqual({ key: "node.cilium.io/agent-not-ready", value: "true", effect: "NoExecute" });
});

test.each([
  ["an empty list would stop every agent of the cluster", "100-canary", []],
  ["a hostname that no label can have", "100-canary", ["a b"]],
  ["a hostname longer than a label value", "100-canary", ["a".repeat(64)]],
  ["a stage id with upper case letters", "100-Canary", ["a"]],
])("%s is a bug and never an object", (_rule, id, hostnames) => {
  expect(() => nodeBatch(id, hostnames, defaults)).toThrow(InvariantError);
});

test("an object that would set nothing is a bug", () => {
  expect(() => nodeBatch("100-canary", ["a"], {})).toThrow(InvariantError);
});

test.each([
  ["ip-10-0-0-1.eu-west-1.compute.internal", true],
  ["A_b", true],
  ["", false],
  ["-a", false],
  ["a.", false],
])("the label value %j is valid: %s", (text, valid) => {
  expect(isLabelValue(text)).toBe(valid);
});
