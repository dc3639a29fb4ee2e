import { describe, expect, test } from "vitest";
import { getIn, type JsonObject, type JsonValue } from "../../lib/core/json.ts";
import type { SourceFacts } from "../../lib/source/source.ts";
import { valueInvariants } from "../../lib/target/invariants.ts";
import { chartMinors, isKnownValue } from "../../lib/target/known-values.ts";
import { planTarget } from "../../lib/target/plan-target.ts";
import { detection, facts, inventory, node, plan, pod, port, threeNodes } from "./cluster.ts";

interface Setting {
  readonly facts?: Partial<SourceFacts>;
  readonly spec?: JsonObject;
  readonly talos?: boolean;
  readonly hostPort?: boolean;
  readonly metalLB?: boolean;
  readonly required?: JsonObject;
}

function at(path: string, value: JsonValue): JsonObject {
  return path
    .split(".")
    .reverse()
    .reduce<JsonValue>((inner, key) => ({ [key]: inner }), value) as JsonObject;
}

function targetWith(values: JsonObject, setting: Setting = {}) {
  const nodes =
    setting.talos === true ? [node("a", "172.18.0.2", { nodeInfo: { osImage: "Talos (v1.11)" } })] : threeNodes;
  const pods = setting.hostPort === true ? [pod("web", "10.244.0.5", { ports: [port(80, 8080)] })] : [];
  const others =
    setting.metalLB === true
      ? [
          {
            apiVersion: "metallb.io/v1beta1",
            kind: "IPAddressPool",
            metadata: { name: "p", namespace: "metallb" },
            spec: {},
          },
        ]
      : [];
  const target = { ...((setting.spec?.["target"] as JsonObject | undefined) ?? {}), values };
  return planTarget({
    plan: plan({ ...setting.spec, target }),
    inventory: inventory(nodes, pods, others),
    source: detection("canal", facts(setting.facts)),
    requiredValues: setting.required ?? {},
  });
}

function codes(values: JsonObject, setting?: Setting): string[] {
  return targetWith(values, setting)
    .findings.map((finding) => finding.code)
    .filter((code) => code.startsWith("target/override") || code === "target/unknown-value");
}

const refused = ["target/override-breaks-invariant"];
const waits = ["target/override-waits-for-final"];

/** One row for each invariant that forbids something in the usual cluster: path, a forbidden value, an allowed one. */
const forbidden: readonly (readonly [path: string, bad: JsonValue, good: JsonValue | undefined, setting?: Setting])[] =
  [
    ["policyEnforcementMode", "never", "default"],
    ["policyAuditMode", true, false],
    ["extraConfig.prepend-iptables-chains", "true", "false"],
    ["daemon.allowedConfigOverrides", "debug", null],
    ["daemon.blockedConfigOverrides", "cni-exclusive", "debug"],
    [
      "daemon.configSources",
      "config-map:kube-system/cilium-config",
      "config-map:cilium-config,cilium-node-config:kube-system",
    ],
    ["cni.customConf", false, undefined],
    ["cni.configMap", "cni-configuration", ""],
    ["cni.install", false, true],
    ["cni.uninstall", true, false],
    ["cni.hostConfDirMountPath", "/host/cni", "/host/etc/cni/net.d"],
    ["cni.confPath", "/etc/cni", undefined],
    ["cni.binPath", "/usr/libexec/cni", undefined],
    ["cni.chainingMode", "aws-cni", "none"],
    ["cni.chainingMode", "none", undefined, { hostPort: true }],
    ["cni.exclusive", true, false, { facts: { companions: ["multus"] } }],
    ["ipam.mode", "kubernetes", "cluster-pool"],
    ["ipam.operator.clusterPoolIPv4PodCIDRList", ["10.0.0.0/8"], ["10.245.0.0/16"]],
    ["ipam.operator.clusterPoolIPv4MaskSize", 26, 24],
    ["ipv4.enabled", false, true],
    ["ipv6.enabled", true, false],
    ["enableIPv4Masquerade", false, true],
    ["eni.enabled", true, false],
    ["gke.enabled", true, false],
    ["routingMode", "native", "tunnel"],
    ["tunnelProtocol", "gre", "geneve"],
    ["tunnelPort", 8472, 8474],
    ["devices", ["flannel.1"], ["eth0"]],
    ["devices", "cali+", "eth0 !flannel.1"],
    ["devices", ["f+"], ["ens+"]],
    ["forceDeviceDetection", false, true],
    ["bpf.datapathMode", "netkit", "veth"],
    ["bpf.hostLegacyRouting", false, true, { talos: true }],
    ["kubeProxyReplacement", true, false],
    ["k8sServiceHost", "10.0.0.1", "127.0.0.2", { spec: { target: { k8sServiceHost: "127.0.0.2" } } }],
    ["k8sServiceHostRef.name", "x", undefined, { spec: { target: { k8sServiceHost: "127.0.0.2" } } }],
    ["operator.unmanagedPodWatcher.restart", true, undefined],
    ["operator.setNodeTaints", true, undefined],
    ["operator.removeNodeTaints", false, true],
    ["operator.enabled", false, true],
    ["agent", false, true],
    ["preflight.enabled", true, false],
    ["securityContext.capabilities.ciliumAgent", ["NET_ADMIN", "SYS_MODULE"], ["NET_ADMIN"], { talos: true }],
    ["cgroup.autoMount.enabled", true, false, { talos: true }],
    ["cleanState", true, false],
    ["cleanBpfState", true, false],
    ["tolerations", [{ key: "gpu", operator: "Exists" }], [{ operator: "Exists" }]],
    ["nodeSelectorLabels", false, true, { required: { nodeSelectorLabels: true } }],
  ];

describe("an override that breaks the migration is refused, and one that does not is taken", () => {
  test.each(forbidden.map(([path, bad, good, setting]) => ({ path, bad, good, setting })))(
    "$path: $bad, but $good is allowed",
    ({ path, bad, good, setting }) => {
      expect(codes(at(path, bad), setting)).toEqual(refused);
      if (good !== undefined) expect(codes(at(path, good), setting)).toEqual([]);
    },
  );
});

describe("a wish for the end waits for the final values", () => {
  test.each([
    ["hostFirewall.enabled", true],
    ["ipv4NativeRoutingCIDR", "10.244.0.0/15"],
    ["bpf.masquerade", true],
    ["bpf.hostLegacyRouting", false],
    ["installNoConntrackIptablesRules", true],
    ["encryption.strictMode.egress.enabled", true],
    ["l2announcements.enabled", true],
    ["rollOutCiliumPods", true],
    ["enableLBIPAM", true],
  ])("%s: %j", (path, value) => {
    const { value: target, findings } = targetWith(at(path, value), { metalLB: path === "enableLBIPAM" });

    expect(findings.map((finding) => finding.code)).toEqual(["target/pod-cidr-proposed", ...waits]);
    expect(getIn(target?.migration.values, ...path.split("."))).not.toEqual(value);
    expect(getIn(target?.final.values, ...path.split("."))).toEqual(value);
  });
});

test("a refused override says what is allowed, why, and which field of the plan to use", () => {
  const { value, findings } = targetWith({ policyEnforcementMode: "never" });

  expect(findings.slice(1)).toEqual([
    {
      code: "target/override-breaks-invariant",
      severity: "error",
      message:
        'policyEnforcementMode: "never" is refused while both networks run and in the final values; "default" stays',
      where: { file: "plans/test.yaml", field: "spec.target.values.policyEnforcementMode" },
      reason:
        "switched on late, policy lets denied traffic through for seconds; always would close what no policy selects (allowed: the value that the plan leads to)",
      remedy: "take it out of spec.target.values and use spec.policies.continuity",
      data: { path: "policyEnforcementMode", value: "never", phases: ["migration", "final"], kept: "default" },
    },
  ]);
  expect(value?.migration.values["policyEnforcementMode"]).toBe("default");
  expect(value?.final.values["policyEnforcementMode"]).toBe("default");
});

test("an override takes the value's place in the file and keeps the reason that it replaces", () => {
  const { value } = targetWith({ operator: { replicas: 1 }, debug: { enabled: true } });

  expect(value?.migration.values["operator"]).toMatchObject({ replicas: 1, setNodeTaints: false });
  expect(value?.migration.values["debug"]).toEqual({ enabled: true });
  expect(value?.migration.text).toContain(
    [
      "operator:",
      "  # from spec.target.values of the plan, in place of 2 (one takes over when the other's node is drained)",
      "  replicas: 1",
    ].join("\n"),
  );
  expect(value?.migration.text).toMatch(/\ndebug:\n {2}# from spec.target.values of the plan\n {2}enabled: true\n$/u);
});

test("a whole block written as something else cannot take an invariant away", () => {
  expect(codes({ cni: {} })).toEqual(expect.arrayContaining(refused));
  expect(codes({ operator: null })).toEqual(expect.arrayContaining(refused));
});

test("an override of the tunnel's port is the plan's port", () => {
  expect(targetWith({ tunnelPort: 8999 }).value?.tunnelPort).toBe(8999);
});

test("the agents' namespace follows namespaceOverride", () => {
  expect(targetWith({ namespaceOverride: "cilium" }).value?.namespace).toBe("cilium");
  expect(targetWith({}).value?.namespace).toBe("kube-system");
});

test("a value that the chart does not read is a warning with the nearest one, and stays", () => {
  const { value, findings } = targetWith({ hubble: { rely: { enabled: true } }, nodeSelectorLabel: true });

  expect(findings.slice(1).map(({ code, message, remedy }) => ({ code, message, remedy }))).toEqual([
    {
      code: "target/unknown-value",
      message: "the chart of Cilium 1.20 reads no value hubble.rely",
      remedy: "write hubble.relay if that is meant",
    },
    {
      code: "target/unknown-value",
      message: "the chart of Cilium 1.20 reads no value nodeSelectorLabel",
      remedy: "write nodeSelectorLabels if that is meant",
    },
  ]);
  expect(value?.migration.values["nodeSelectorLabel"]).toBe(true);
});

test("every invariant speaks of a value that some chart reads", () => {
  const strays = valueInvariants
    .map(({ path }) => path)
    .filter((path) => !chartMinors.some((minor) => isKnownValue(minor, path)))
    .map((path) => path.join("."));

  expect(strays).toEqual([]);
});
