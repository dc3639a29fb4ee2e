import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { getArray, getString, type JsonObject } from "../../../lib/core/json.ts";
import { readCalicoPolicies } from "../../../lib/policy/calico/read-calico-policies.ts";
import type { World } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { type TranslationOptions, translatePolicies } from "../../../lib/policy/translate/translate-policies.ts";
import type { PolicyTranslation, Translation } from "../../../lib/policy/translate/translation.ts";
import { rawObject } from "../support/objects.ts";
import { vectorWorld } from "../support/vectors.ts";

const world = vectorWorld();
const yaml = (text: string): JsonObject => parse(text, { version: "1.1" }) as JsonObject;

/** Policies as `name: spec`; a name with a slash is namespaced, one in capitals is a Kubernetes policy. */
function policies(texts: Readonly<Record<string, string>>): JsonObject[] {
  return Object.entries(texts).map(([key, text]) => {
    const [namespace, name] = key.includes("/") ? key.split("/") : [undefined, key];
    const kind = namespace === undefined ? "GlobalNetworkPolicy" : "NetworkPolicy";
    const isKubernetes = name === name?.toUpperCase();
    return {
      apiVersion: isKubernetes ? "networking.k8s.io/v1" : "projectcalico.org/v3",
      kind,
      metadata: { name: (name ?? key).toLowerCase(), ...(namespace !== undefined && { namespace }) },
      spec: yaml(text),
    };
  });
}

function tier(name: string, spec: JsonObject): JsonObject {
  return { apiVersion: "projectcalico.org/v3", kind: "Tier", metadata: { name }, spec };
}

function translate(
  objects: readonly JsonObject[],
  options: TranslationOptions = {},
  knowing: World = world,
): Translation {
  const set = readCalicoPolicies(objects.map(rawObject)).value;
  if (set === undefined) throw new Error("no set");
  return translatePolicies(set, knowing, options);
}

/** `result code code`, and the spec or specs without descriptions. */
function shown(policy: PolicyTranslation | undefined): [string, unknown] {
  const object = policy?.outputs[0]?.object;
  const codes = [...new Set(policy?.findings.map(({ code }) => code))];
  const written = object?.["spec"] ?? object?.["specs"];
  const plain = JSON.parse(JSON.stringify(written ?? null), (key, value) =>
    key === "description" ? undefined : value,
  );
  return [[policy?.result, ...codes].join(" "), plain];
}

function byName(translation: Translation, name: string): [string, unknown] {
  return shown(translation.policies.find(({ source }) => source.name === name));
}

const web = "matchLabels: {app: web}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]";
const anyPod = "{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}";

describe("a deny, by what stands before and behind it", () => {
  test("before every allow it is written as it is", () => {
    const translation = translate(
      policies({
        p: "{selector: app == 'web', types: [Ingress], ingress: [{action: Deny, source: {selector: app == 'cli'}}, {action: Allow, source: {selector: all()}}]}",
      }),
    );

    expect(byName(translation, "p")).toEqual([
      "exact",
      yaml(
        `{endpointSelector: {${web}}, ingress: [{fromEndpoints: [${anyPod}]}], ingressDeny: [{fromEndpoints: [{matchLabels: {app: cli}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]}]}`,
      ),
    ]);
  });

  test("of everything at the end it is default deny", () => {
    const translation = translate(
      policies({
        p: "{selector: app == 'web', types: [Ingress], ingress: [{action: Allow, source: {selector: app == 'cli'}}, {action: Deny}]}",
      }),
    );

    expect(byName(translation, "p")).toEqual([
      "exact",
      yaml(
        `{endpointSelector: {${web}}, ingress: [{fromEndpoints: [{matchLabels: {app: cli}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]}]}`,
      ),
    ]);
  });

  test("of everything in the middle makes the allows behind it dead", () => {
    const translation = translate(
      policies({
        "a/first": "{order: 49, types: [Ingress], ingress: [{action: Allow, source: {selector: app == 'cli'}}]}",
        "a/deny": "{order: 50, types: [Ingress], ingress: [{action: Deny}]}",
        "a/late": "{types: [Ingress], ingress: [{action: Allow}]}",
      }),
    );

    expect(byName(translation, "first")).toEqual([
      "exact",
      yaml("{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: {app: cli}}]}]}"),
    ]);
    expect(byName(translation, "deny")).toEqual(["carved POL015", yaml("{endpointSelector: {}, ingress: [{}]}")]);
    expect(byName(translation, "late")).toEqual(["exact POL014", yaml("{endpointSelector: {}, ingress: [{}]}")]);
  });

  test("loses the ports that an earlier rule allows", () => {
    const translation = translate(
      policies({
        "a/p":
          "{selector: app == 'web', types: [Ingress], ingress: [{action: Allow, protocol: TCP, source: {selector: app == 'cli'}, destination: {ports: [80]}}, {action: Deny, protocol: TCP, source: {selector: app == 'cli'}}, {action: Allow, source: {selector: all()}}]}",
      }),
    );

    expect(byName(translation, "p")).toEqual([
      "carved POL015",
      yaml(
        "{endpointSelector: {matchLabels: {app: web}}, ingress: [{fromEndpoints: [{matchLabels: {app: cli}}], toPorts: [{ports: [{port: '80', protocol: TCP}]}]}, {fromEndpoints: [{}]}], ingressDeny: [{fromEndpoints: [{matchLabels: {app: cli}}], toPorts: [{ports: [{port: '1', endPort: 79, protocol: TCP}, {port: '81', endPort: 65535, protocol: TCP}]}]}]}",
      ),
    ]);
  });

  test("loses the pods whose policy allows first", () => {
    const translation = translate(
      policies({
        open: "{order: 1, namespaceSelector: projectcalico.org/name == 'b', types: [Egress], egress: [{action: Allow}]}",
        metadata: "{order: 2, types: [Egress], egress: [{action: Deny, destination: {nets: [169.254.169.254/32]}}]}",
      }),
    );

    expect(byName(translation, "metadata")).toEqual([
      "carved POL015",
      [
        yaml(`{endpointSelector: ${anyPod}, egress: [{}]}`),
        yaml(
          "{endpointSelector: {matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}, {key: io.kubernetes.pod.namespace, operator: NotIn, values: [b]}]}, egressDeny: [{toCIDR: [169.254.169.254/32]}]}",
        ),
      ],
    ]);
  });

  test("loses the addresses that an earlier rule allows", () => {
    const translation = translate(
      policies({
        "a/p":
          "{types: [Egress], egress: [{action: Allow, destination: {nets: [192.0.2.0/25]}}, {action: Deny, destination: {nets: [192.0.2.0/24]}}, {action: Allow, destination: {nets: [0.0.0.0/0]}}]}",
      }),
    );

    expect((byName(translation, "p")[1] as JsonObject)["egressDeny"]).toEqual([
      yaml("{toCIDRSet: [{cidr: 192.0.2.0/24, except: [192.0.2.0/25]}]}"),
    ]);
  });

  test("whose flows an earlier rule allows all is dead", () => {
    const translation = translate(
      policies({
        "a/p": "{types: [Ingress], ingress: [{action: Allow}, {action: Deny, source: {selector: app == 'cli'}}]}",
      }),
    );

    expect(byName(translation, "p")).toEqual([
      "exact POL014",
      yaml("{endpointSelector: {}, ingress: [{fromEntities: [all]}]}"),
    ]);
  });

  test("for everybody spares the pod's own node and names no entity all", () => {
    const translation = translate(
      policies({
        "a/p":
          "{types: [Ingress], ingress: [{action: Deny, protocol: TCP, destination: {ports: [22]}}, {action: Allow}]}",
      }),
    );

    expect(byName(translation, "p")).toEqual([
      "exact POL045",
      yaml(
        `{endpointSelector: {}, ingress: [{fromEntities: [all]}], ingressDeny: [{fromEndpoints: [${anyPod}], toPorts: [{ports: [{port: '22', protocol: TCP}]}]}, {fromEntities: [remote-node, world], toPorts: [{ports: [{port: '22', protocol: TCP}]}]}]}`,
      ),
    ]);
  });

  test("on egress covers the pod's own node, which Calico polices there", () => {
    const translation = translate(
      policies({
        "a/p":
          "{types: [Egress], egress: [{action: Deny, protocol: TCP, destination: {ports: [22]}}, {action: Allow}]}",
      }),
    );

    expect((byName(translation, "p")[1] as JsonObject)["egressDeny"]).toContainEqual(
      yaml("{toEntities: [host, remote-node, world], toPorts: [{ports: [{port: '22', protocol: TCP}]}]}"),
    );
  });

  test("of addresses takes the pods and nodes that have them", () => {
    const translation = translate(
      policies({
        p: "{selector: app == 'cli', types: [Egress], egress: [{action: Deny, destination: {nets: [0.0.0.0/0]}}, {action: Allow}]}",
      }),
    );

    expect((byName(translation, "p")[1] as JsonObject)["egressDeny"]).toEqual([
      yaml(`{toEndpoints: [${anyPod}]}`),
      yaml("{toEntities: [host, remote-node]}"),
      yaml("{toCIDR: [0.0.0.0/0]}"),
    ]);
  });

  test("while a bridge is planned leaves the unmigrated pods' addresses to the other end", () => {
    const translation = translate(
      policies({
        "a/p":
          "{types: [Ingress], ingress: [{action: Deny, protocol: TCP, destination: {ports: [22]}}, {action: Allow}]}",
      }),
      { bridge: { sourcePodCIDRs: ["10.0.0.0/16"] } },
    );

    const denies = (byName(translation, "p")[1] as { ingressDeny: JsonObject[] }).ingressDeny;
    expect(denies.map(({ toPorts: _ports, ...peers }) => peers)).toEqual([
      yaml(`{fromEndpoints: [${anyPod}]}`),
      yaml("{fromEntities: [remote-node]}"),
      yaml("{fromCIDRSet: [{cidr: 0.0.0.0/0, except: [10.0.0.0/16]}, {cidr: '::/0'}]}"),
    ]);
  });
});

describe("tiers", () => {
  test("a tier that ends in drop lets through what it passes", () => {
    const translation = translate([
      tier("sec", { order: 10 }),
      ...policies({
        one: "{tier: sec, selector: app == 'web', types: [Ingress], ingress: [{action: Pass, source: {selector: app == 'cli'}}]}",
        "a/p":
          "{selector: app == 'web', types: [Ingress], ingress: [{action: Allow, protocol: TCP, destination: {ports: [80]}}]}",
      }),
    ]);

    expect(byName(translation, "p")).toEqual([
      "carved POL015",
      yaml(
        "{endpointSelector: {matchLabels: {app: web}}, ingress: [{fromEndpoints: [{matchLabels: {app: cli}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}], toPorts: [{ports: [{port: '80', protocol: TCP}]}]}]}",
      ),
    ]);
  });

  test("a tier that passes by default is written without default deny", () => {
    const translation = translate([
      tier("soft", { order: 10, defaultAction: "Pass" }),
      ...policies({
        d: "{tier: soft, selector: app == 'web', types: [Ingress], ingress: [{action: Deny, source: {selector: app == 'cli'}}]}",
      }),
    ]);

    expect(byName(translation, "d")).toEqual([
      "exact",
      yaml(
        `{endpointSelector: {${web}}, enableDefaultDeny: {ingress: false}, ingressDeny: [{fromEndpoints: [{matchLabels: {app: cli}, matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]}]}`,
      ),
    ]);
  });

  test("a policy of such a tier without rules says nothing", () => {
    const translation = translate([
      tier("soft", { order: 10, defaultAction: "Pass" }),
      ...policies({ d: "{tier: soft, types: [Ingress]}" }),
    ]);

    expect(byName(translation, "d")).toEqual(["exact", null]);
  });

  test("a Pass in the last tier is an allow", () => {
    const translation = translate(
      policies({
        p: "{selector: app == 'web', types: [Ingress], ingress: [{action: Pass, source: {namespaceSelector: team == 'x'}}]}",
      }),
    );

    expect((byName(translation, "p")[1] as JsonObject)["ingress"]).toEqual([
      yaml("{fromEndpoints: [{matchLabels: {io.cilium.k8s.namespace.labels.team: x}}]}"),
    ]);
  });

  test("policies of two tiers with one name are told apart", () => {
    const translation = translate([
      tier("sec", { order: 10 }),
      ...policies({ "sec.p": "{tier: sec, types: [Ingress]}", p: "{types: [Ingress]}" }),
    ]);

    const names = translation.policies.map(({ outputs, findings }) => [
      getString(outputs[0]?.object, "metadata", "name"),
      findings.map(({ code }) => code),
    ]);
    expect(names).toEqual([
      ["p", []],
      ["sec-p", ["POL013"]],
    ]);
  });
});

describe("Kubernetes policies", () => {
  const kubernetes =
    "{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: cli}}}]}]}";

  test("are not translated, and said to stay", () => {
    const translation = translate(policies({ "a/K": kubernetes }));

    expect(translation.policies).toEqual([]);
    expect(translation.findings.map(({ code, message }) => [code, message])).toEqual([
      ["POL049", "NetworkPolicy/a/k stays as it is: Cilium enforces it itself"],
    ]);
  });

  test("before a deny of everything: default deny", () => {
    const translation = translate(
      policies({
        "a/K": kubernetes,
        d: "{order: 2000, namespaceSelector: team == 'x', types: [Ingress], ingress: [{action: Deny}]}",
      }),
    );

    expect(byName(translation, "d")).toEqual([
      "exact",
      yaml("{endpointSelector: {matchLabels: {io.cilium.k8s.namespace.labels.team: x}}, ingress: [{}]}"),
    ]);
  });

  test("before a narrower deny: the deny loses their pods and peers", () => {
    const translation = translate(
      policies({
        "a/K": kubernetes,
        d: "{order: 2000, types: [Ingress], ingress: [{action: Deny, source: {selector: app == 'cli'}}, {action: Allow}]}",
      }),
    );

    const [result, specs] = byName(translation, "d");
    expect(result).toBe("carved POL015");
    expect((specs as JsonObject[]).filter((spec) => spec["ingressDeny"] !== undefined)).toHaveLength(3);
  });

  test("behind a tier that drops: what they would allow is denied", () => {
    const translation = translate([
      tier("sec", { order: 10 }),
      ...policies({ "a/K": kubernetes, wall: "{tier: sec, selector: app == 'web', types: [Ingress]}" }),
    ]);

    expect(byName(translation, "wall")).toEqual([
      "carved",
      [
        yaml(`{endpointSelector: {${web}}, ingress: [{}]}`),
        yaml(
          "{endpointSelector: {matchLabels: {app: web, io.kubernetes.pod.namespace: a}}, ingressDeny: [{fromEndpoints: [{matchLabels: {app: cli, io.kubernetes.pod.namespace: a}}]}]}",
        ),
      ],
    ]);
  });

  test("whose block holds pods lose them", () => {
    const translation = translate(
      policies({ "a/K": "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}" }),
    );

    expect(translation.findings.map(({ code, severity, message }) => [code, severity, message])).toEqual([
      [
        "POL031",
        "error",
        "NetworkPolicy/a/k egress[0]: the ipBlock 10.0.0.0/8 holds pods; under Cilium they lose this access",
      ],
      ["POL049", "info", "NetworkPolicy/a/k stays as it is: Cilium enforces it itself"],
    ]);
  });

  test("before an allow of everything restrict nothing", () => {
    const translation = translate(
      policies({ "a/K": kubernetes, open: "{types: [Ingress], ingress: [{action: Allow}]}" }),
    );

    expect(translation.findings.map(({ code, data }) => [code, data?.["policies"]])).toContainEqual([
      "POL047",
      ["NetworkPolicy/a/k"],
    ]);
  });
});

describe("equal orders", () => {
  const deny =
    "{order: 5, selector: app == 'web', types: [Ingress], ingress: [{action: Deny, source: {selector: all()}}]}";
  const allow = "{order: 5, selector: app == 'web', types: [Ingress], ingress: [{action: Allow}]}";

  test.each<[string, Record<string, string>, [string, string][]]>([
    ["that decide alike are no problem", { a: allow, b: allow }, []],
    ["told by the name in every release are a warning", { a: deny, b: allow }, [["POL012", "warning"]]],
    ["told by name in one and by namespace in another are an error", { z: deny, "a/b": allow }, [["POL012", "error"]]],
    ["of pods that exclude each other are no problem", { a: deny, b: allow.replace("web", "db") }, []],
    ["that differ are none", { a: deny, b: allow.replace("5", "6") }, []],
  ])("%s", (_rule, texts, expected) => {
    expect(
      translate(policies(texts))
        .findings.filter(({ code }) => code === "POL012")
        .map(({ code, severity }) => [code, severity]),
    ).toEqual(expected);
  });
});

describe("what is told beside the policies", () => {
  test("Log rules are one finding with the commands that stand in for them", () => {
    const [policy] = translate(
      policies({ "a/p": "{types: [Ingress], ingress: [{action: Log}, {action: Deny}, {action: Log}]}" }),
    ).policies;

    expect(policy?.findings.map(({ code, data }) => [code, data])).toEqual([
      [
        "POL039",
        {
          rules: ["ingress[0]", "ingress[2]"],
          hubble: [
            "hubble observe --verdict DROPPED --namespace a --follow",
            "hubble observe --verdict FORWARDED --namespace a --follow",
          ],
        },
      ],
    ]);
  });

  test("the comment says where each rule went", () => {
    const [policy] = translate(
      policies({
        "a/p":
          "{order: 7, types: [Ingress], ingress: [{action: Log}, {action: Allow, protocol: TCP, source: {selector: app == 'cli'}, destination: {ports: [80]}, metadata: {annotations: {why: shop}}}, {action: Deny, source: {selector: app == 'cli'}}, {action: Allow, protocol: TCP}]}",
      }),
    ).policies;

    expect(policy?.outputs[0]?.comment).toBe(
      [
        "From NetworkPolicy/a/p (tier default, order 7)",
        "ingress[0] Log is left to Hubble",
        "ingress[1] Allow -> ingress[0] (why: shop)",
        "ingress[2] Deny -> ingressDeny[0], without what ingress[1] allows first",
        "ingress[3] Allow -> ingress[1]",
      ].join("\n"),
    );
  });

  test("staged policies are told and write nothing", () => {
    const object = {
      apiVersion: "projectcalico.org/v3",
      kind: "StagedGlobalNetworkPolicy",
      metadata: { name: "p" },
      spec: { stagedAction: "Set", ingress: [{ action: "Deny" }] },
    };

    expect(shown(translate([object]).policies[0])).toEqual(["exact POL050", null]);
  });

  test("a policy that Calico ignores is refused with the reader's findings", () => {
    expect(shown(translate(policies({ p: "{order: first}" })).policies[0])).toEqual(["refused POL001", null]);
  });

  test("a huge policy is estimated against the policy map", () => {
    const nets = Array.from({ length: 12_000 }, (_, at) => `20.${at >> 8}.${at & 255}.0/24`);
    const object = {
      apiVersion: "projectcalico.org/v3",
      kind: "GlobalNetworkPolicy",
      metadata: { name: "p" },
      spec: { types: ["Egress"], egress: [{ action: "Allow", destination: { nets } }] },
    };

    expect(shown(translate([object], {}, emptyWorld()).policies[0])[0]).toBe("exact POL040");
  });

  test("thousands of rules stay one for one", () => {
    const ingress = Array.from({ length: 3000 }, (_, at) => ({
      action: "Allow",
      protocol: "TCP",
      source: { selector: `app == 'x${at}'` },
      destination: { ports: [at + 1] },
    }));
    const object = {
      apiVersion: "projectcalico.org/v3",
      kind: "NetworkPolicy",
      metadata: { name: "p", namespace: "a" },
      spec: { types: ["Ingress"], ingress },
    };

    const [policy] = translate([object]).policies;

    expect(policy?.result).toBe("exact");
    expect(getArray(policy?.outputs[0]?.object, "spec", "ingress")).toHaveLength(3000);
  });
});

describe("a rule behind one that is not known exactly", () => {
  const denied = policies({
    prefix:
      "{ selector: app == 'web', types: [Egress], egress: [{ action: Deny, destination: { nets: [10.20.0.0/16] } }, { action: Allow }] }",
  });
  const told = (translation: Translation) =>
    translation.policies.flatMap(({ findings }) => findings).find(({ code }) => code === "POL041");

  test("is told to settle that rule first, not to move denies that come first already", () => {
    const finding = told(translate(denied, {}, emptyWorld()));

    expect(finding?.message).toContain("egress[1]: the allow is written without all that egress[0] may take first");
    expect(finding?.remedy).toBe(
      "settle that rule's findings first; the cluster's objects do it in most cases: --inventory",
    );
    expect(finding?.where?.field).toBe("spec.egress[1]");
  });

  test("has nothing to tell once the cluster is known", () => {
    expect(told(translate(denied))).toBeUndefined();
  });
});
