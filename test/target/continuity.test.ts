import { describe, expect, test } from "vitest";
import type { Continuity } from "../../lib/plan/plan.ts";
import type { SourceDetection, SourceFacts } from "../../lib/source/source.ts";
import { chooseContinuity } from "../../lib/target/continuity.ts";
import { detection, facts, inventory, plan, threeNodes } from "./cluster.ts";

function choose(
  source: SourceDetection,
  podCIDRs: readonly string[],
  continuity: Continuity = "exact",
  strategy = "live",
) {
  return chooseContinuity(plan({ policies: { continuity }, strategy }), inventory(threeNodes), source, podCIDRs);
}

const noPolicy = { enforcedPolicyKinds: [] };
const rows: readonly (readonly [
  name: string,
  source: SourceDetection["source"],
  own: Partial<SourceFacts>,
  podCIDRs: readonly string[],
  failed: readonly string[],
])[] = [
  ["Canal on the Kubernetes datastore with iptables", "canal", {}, ["10.245.0.0/16"], []],
  ["Calico likewise", "calico", { encapsulation: "ipip" }, ["10.245.0.0/16"], []],
  ["Flannel alone needs no mirrors", "flannel", noPolicy, ["10.245.0.0/16"], []],
  [
    "Flannel with Calico's policy engine is Canal in two manifests",
    "flannel",
    { policyEngines: ["calico"] },
    ["10.245.0.0/16"],
    [],
  ],
  ["k3s' policy controller takes no denies", "flannel", { policyEngines: ["k3s"] }, ["10.245.0.0/16"], ["source"]],
  ["Kube-Router enforces allow-only policies", "kube-router", {}, ["10.245.0.0/16"], ["source"]],
  ["Calico on etcd does not learn migrated pods", "calico", { datastore: "etcd" }, ["10.245.0.0/16"], ["datastore"]],
  [
    "a datastore that the inventory does not show",
    "calico",
    { datastore: undefined as never },
    ["10.245.0.0/16"],
    ["datastore"],
  ],
  ["Calico's eBPF dataplane", "calico", { dataplane: "ebpf" }, ["10.245.0.0/16"], ["dataplane"]],
  ["Calico's nftables dataplane", "calico", { dataplane: "nftables" }, ["10.245.0.0/16"], ["dataplane"]],
  [
    "two old pools that one prefix covers",
    "calico",
    { podCIDRs: ["10.244.0.0/17", "10.244.192.0/18"] },
    ["10.245.0.0/16"],
    [],
  ],
  [
    "two old pools with the new one between them",
    "calico",
    { podCIDRs: ["10.244.0.0/16", "10.246.0.0/16"] },
    ["10.245.0.0/16"],
    ["source-prefixes"],
  ],
  ["no known old pool", "calico", { podCIDRs: [] }, ["10.245.0.0/16"], ["source-prefixes"]],
  ["two new prefixes of one family", "canal", {}, ["10.245.0.0/16", "10.247.0.0/16"], ["target-prefixes"]],
  ["no new pool", "canal", {}, [], ["target-prefixes"]],
  [
    "WireGuard takes its own prefixes only",
    "flannel",
    { ...noPolicy, encapsulation: "wireguard" },
    ["10.245.0.0/16"],
    ["path"],
  ],
  [
    "Calico lays it over its overlay",
    "calico",
    { details: { wireguard: "on, UDP 51820" } },
    ["10.245.0.0/16"],
    ["path"],
  ],
  ["IPsec likewise", "flannel", { ...noPolicy, encapsulation: "ipsec" }, ["10.245.0.0/16"], ["path"]],
  [
    "a VPC drops addresses that are not its own",
    "aws-vpc-cni",
    { ...noPolicy, encapsulation: "none" },
    ["10.245.0.0/16"],
    ["path"],
  ],
];

describe("exact continuity", () => {
  test.each(rows)("%s", (_name, source, own, podCIDRs, failed) => {
    const { value, findings } = choose(detection(source, facts(own)), podCIDRs);

    expect(value?.conditions.map((condition) => condition.id)).toEqual([
      "source",
      "datastore",
      "dataplane",
      "path",
      "source-prefixes",
      "target-prefixes",
    ]);
    expect(value?.conditions.filter((condition) => !condition.holds).map((condition) => condition.id)).toEqual(failed);
    expect(value?.effective).toBe(failed.length === 0 ? "exact" : "bridge");
    expect(findings.map((finding) => finding.code)).toEqual(
      failed.length === 0 ? [] : ["target/continuity-downgraded"],
    );
  });

  test("names the prefix that stands for the old pods", () => {
    const source = detection("calico", facts({ podCIDRs: ["10.244.0.0/17", "10.244.192.0/18"] }));

    expect(choose(source, ["10.245.0.0/16"]).value).toMatchObject({
      sourcePrefixes: ["10.244.0.0/16"],
      needsMirrors: true,
    });
  });

  test("says which condition fails and what the next best is", () => {
    const { findings } = choose(detection("calico", facts({ datastore: "etcd" })), ["10.245.0.0/16"]);

    expect(findings).toEqual([
      {
        code: "target/continuity-downgraded",
        severity: "warning",
        message:
          "continuity exact cannot be had: the datastore is etcd; only with kubernetes the old engine learns migrated pods from their status",
        reason:
          "the plan goes on with bridge: allowed flows stay, and PLAN.md prints per wave what else the mixed phase lets through",
        remedy:
          "remove what stands in the way, or write spec.policies.continuity: bridge to say that the exposure is accepted",
        data: { requested: "exact", effective: "bridge", failed: ["datastore"] },
      },
    ]);
  });

  test("of dual stack is said to be measured with IPv4 only", () => {
    const own = facts({ families: [4, 6], podCIDRs: ["10.244.0.0/16", "fd00:10:244::/56"] });

    const { value, findings } = choose(detection("canal", own), ["10.245.0.0/16", "fd00:10:245::/104"]);

    expect(value?.effective).toBe("exact");
    expect(value?.sourcePrefixes).toEqual(["10.244.0.0/16", "fd00:10:244::/56"]);
    expect(findings.map((finding) => finding.code)).toEqual(["target/continuity-not-measured"]);
  });
});

test.each(["bridge", "audit", "off"] as const)(
  "continuity %s is what was asked for, whatever the source",
  (continuity) => {
    const { value, findings } = choose(detection("weave", facts({ dataplane: "nftables" })), [], continuity);

    expect(value).toMatchObject({ requested: continuity, effective: continuity, conditions: [] });
    expect(findings).toEqual([]);
  },
);

test("a strategy without two networks in one cluster keeps what was asked for", () => {
  const { value } = choose(detection("calico", facts({ datastore: "etcd" })), [], "exact", "blue-green");

  expect(value?.effective).toBe("exact");
});
