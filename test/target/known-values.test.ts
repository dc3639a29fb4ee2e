import { expect, test } from "vitest";
import { isKnownValue, unknownValues } from "../../lib/target/known-values.ts";

test.each([
  ["1.20", "policyEnforcementMode", true],
  ["1.20", "extraConfig.prepend-iptables-chains", true],
  ["1.18", "devices", true],
  ["1.18", "policyAuditMode", true],
  ["1.18", "socketLB.hostNamespaceOnly", true],
  ["1.18", "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution", true],
  ["1.18", "encryption.strictMode.enabled", true],
  ["1.20", "encryption.strictMode.enabled", false],
  ["1.18", "encryption.strictMode.egress.enabled", false],
  ["1.19", "encryption.strictMode.egress.enabled", true],
  ["1.19", "hubble.redact.kafka.apiKey", true],
  ["1.20", "hubble.redact.kafka.apiKey", false],
  ["1.20", "tunnel", false],
] as const)("the chart of %s reads %s: %s", (minor, path, known) => {
  expect(isKnownValue(minor, path.split("."))).toBe(known);
});

test.each([
  [{ kubeproxyReplacement: true }, [{ path: ["kubeproxyReplacement"], nearest: "kubeProxyReplacement" }]],
  [
    { clusterPoolIPv4PodCIDRList: [] },
    [{ path: ["clusterPoolIPv4PodCIDRList"], nearest: "ipam.operator.clusterPoolIPv4PodCIDRList" }],
  ],
  [{ wholly: { unlike: 1 } }, [{ path: ["wholly"] }]],
  [{ hubble: { enabled: true, metrics: { enabled: [] } }, podAnnotations: { "a.b/c": "d" } }, []],
])("of %j is unknown %j", (values, unknown) => {
  expect(unknownValues("1.20", values)).toEqual(unknown);
});
