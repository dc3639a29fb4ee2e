import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../../lib/core/json.ts";
import type { CalicoPolicy, CalicoPolicySet } from "../../../lib/policy/calico/model.ts";
import { readCalicoPolicies } from "../../../lib/policy/calico/read-calico-policies.ts";
import { printSelector } from "../../../lib/policy/selector/print-selector.ts";
import { rawObject } from "../support/objects.ts";

const v3 = "projectcalico.org/v3";
const stored = "crd.projectcalico.org/v1";

function gnp(spec: JsonObject, name = "p", apiVersion = v3): JsonObject {
  return { apiVersion, kind: "GlobalNetworkPolicy", metadata: { name }, spec };
}

function np(spec: JsonObject, name = "p", apiVersion = v3): JsonObject {
  return { apiVersion, kind: "NetworkPolicy", metadata: { name, namespace: "a" }, spec };
}

function knp(spec: JsonObject): JsonObject {
  return { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { name: "k", namespace: "a" }, spec };
}

function read(...objects: JsonObject[]): { set: CalicoPolicySet; findings: [string, string | undefined][] } {
  const result = readCalicoPolicies(objects.map(rawObject));
  if (result.value === undefined) throw new Error("no set");
  return { set: result.value, findings: result.findings.map(({ code, where }) => [code, where?.field]) };
}

function onlyPolicy(object: JsonObject): CalicoPolicy {
  const [policy] = read(object).set.policies;
  if (policy === undefined) throw new Error("not read");
  return policy;
}

describe("fields that decide", () => {
  const ingress = (rule: JsonObject): JsonObject => gnp({ types: ["Ingress"], ingress: [rule] });

  test.each<[string, JsonObject, [string, string | undefined][]]>([
    ["order as a text", gnp({ order: "100" }), [["POL001", "spec.order"]]],
    ["types that are no list", gnp({ types: "Ingress" }), [["POL001", "spec.types"]]],
    ["a type that does not exist", gnp({ types: ["ingress"] }), [["POL002", "spec.types[0]"]]],
    ["a type twice", gnp({ types: ["Egress", "Egress"] }), [["POL002", "spec.types"]]],
    ["a rule without action", ingress({}), [["POL002", "spec.ingress[0]"]]],
    ["an action in lower case", ingress({ action: "allow" }), [["POL002", "spec.ingress[0].action"]]],
    ["an action of another system", ingress({ action: "Drop" }), [["POL002", "spec.ingress[0].action"]]],
    ["a rule that is a text", gnp({ types: ["Ingress"], ingress: ["Allow"] }), [["POL001", "spec.ingress[0]"]]],
    ["a rule that is null", gnp({ types: ["Ingress"], ingress: [null] }), [["POL001", "spec.ingress[0]"]]],
    ["a selector that is none", gnp({ selector: "app = 'x'" }), [["POL002", "spec.selector"]]],
    ["global() in a policy's selector", gnp({ selector: "global()" }), [["POL002", "spec.selector"]]],
    [
      "global() mixed with others",
      ingress({ action: "Allow", source: { namespaceSelector: "global() || has(a)" } }),
      [["POL002", "spec.ingress[0].source.namespaceSelector"]],
    ],
    [
      "global() in a rule's selector",
      ingress({ action: "Allow", source: { selector: "global()" } }),
      [["POL002", "spec.ingress[0].source.selector"]],
    ],
    [
      "null in nets",
      ingress({ action: "Allow", source: { nets: ["10.0.0.0/8", null] } }),
      [["POL001", "spec.ingress[0].source.nets[1]"]],
    ],
    [
      "no prefix in nets",
      ingress({ action: "Allow", source: { nets: ["10.0.0.0/33"] } }),
      [["POL002", "spec.ingress[0].source.nets[0]"]],
    ],
    [
      "a Flux variable in nets",
      ingress({ action: "Allow", source: { nets: ["${HOST}/32"] } }),
      [["POL001", "spec.ingress[0].source.nets[0]"]],
    ],
    [
      "a Helm expression in nets",
      ingress({ action: "Allow", source: { nets: ["{{ .Values.host }}"] } }),
      [["POL001", "spec.ingress[0].source.nets[0]"]],
    ],
    [
      "everything in notNets",
      ingress({ action: "Allow", source: { notNets: ["0.0.0.0/0"] } }),
      [["POL002", "spec.ingress[0].source.notNets[0]"]],
    ],
    [
      "both families in one rule",
      ingress({ action: "Allow", source: { nets: ["10.0.0.0/8"] }, destination: { nets: ["fd00::/8"] } }),
      [["POL002", "spec.ingress[0]"]],
    ],
    [
      "IPv6 prefixes in an IPv4 rule",
      ingress({ action: "Allow", ipVersion: 4, source: { nets: ["fd00::/8"] } }),
      [["POL002", "spec.ingress[0].ipVersion"]],
    ],
    [
      "ICMP in an IPv6 rule",
      ingress({ action: "Allow", ipVersion: 6, protocol: "ICMP" }),
      [["POL002", "spec.ingress[0].ipVersion"]],
    ],
    ["another IP version", ingress({ action: "Allow", ipVersion: 5 }), [["POL002", "spec.ingress[0].ipVersion"]]],
    [
      "a protocol name that does not exist",
      ingress({ action: "Allow", protocol: "TPC" }),
      [["POL002", "spec.ingress[0].protocol"]],
    ],
    [
      "a protocol number out of range",
      ingress({ action: "Allow", protocol: 256 }),
      [["POL002", "spec.ingress[0].protocol"]],
    ],
    [
      "ports without a protocol",
      ingress({ action: "Allow", destination: { ports: [80] } }),
      [["POL004", "spec.ingress[0].destination.ports"]],
    ],
    [
      "ports of ICMP",
      ingress({ action: "Allow", protocol: "ICMP", destination: { ports: [80] } }),
      [["POL002", "spec.ingress[0].destination.ports"]],
    ],
    [
      "port 0",
      ingress({ action: "Allow", protocol: "TCP", destination: { ports: [0] } }),
      [["POL002", "spec.ingress[0].destination.ports[0]"]],
    ],
    [
      "a port beyond 65535",
      ingress({ action: "Allow", protocol: "TCP", destination: { ports: ["1:70000"] } }),
      [["POL002", "spec.ingress[0].destination.ports[0]"]],
    ],
    [
      "a range backwards",
      ingress({ action: "Allow", protocol: "TCP", destination: { ports: ["90:80"] } }),
      [["POL002", "spec.ingress[0].destination.ports[0]"]],
    ],
    [
      "ICMP fields without ICMP",
      ingress({ action: "Allow", protocol: "TCP", icmp: { type: 8 } }),
      [["POL002", "spec.ingress[0].icmp"]],
    ],
    [
      "an ICMP code without type",
      ingress({ action: "Allow", protocol: "ICMP", icmp: { code: 1 } }),
      [["POL002", "spec.ingress[0].icmp"]],
    ],
    [
      "an ICMP type out of range",
      ingress({ action: "Allow", protocol: "ICMP", icmp: { type: 255 } }),
      [["POL002", "spec.ingress[0].icmp.type"]],
    ],
    [
      "HTTP in a Deny rule",
      ingress({ action: "Deny", http: { methods: ["GET"] } }),
      [["POL002", "spec.ingress[0].http"]],
    ],
    [
      "HTTP over UDP",
      ingress({ action: "Allow", protocol: "UDP", http: { methods: ["GET"] } }),
      [["POL002", "spec.ingress[0].http"]],
    ],
    [
      "an HTTP path without /",
      ingress({ action: "Allow", http: { paths: [{ exact: "x" }] } }),
      [["POL002", "spec.ingress[0].http.paths[0]"]],
    ],
    [
      "HTTP in an egress rule",
      gnp({ types: ["Egress"], egress: [{ action: "Allow", http: { methods: ["GET"] } }] }),
      [["POL002", "spec.egress[0].http"]],
    ],
    [
      "a service beside a selector",
      gnp({
        types: ["Egress"],
        egress: [{ action: "Allow", destination: { services: { name: "s", namespace: "n" }, selector: "has(a)" } }],
      }),
      [["POL002", "spec.egress[0].destination.selector"]],
    ],
    [
      "a service without namespace in a global policy",
      gnp({ types: ["Egress"], egress: [{ action: "Allow", destination: { services: { name: "s" } } }] }),
      [["POL002", "spec.egress[0].destination.services"]],
    ],
    [
      "a service at the wrong end",
      ingress({ action: "Allow", destination: { services: { name: "s", namespace: "n" } } }),
      [["POL002", "spec.ingress[0].destination.services"]],
    ],
    ["preDNAT without applyOnForward", gnp({ preDNAT: true, types: ["Ingress"] }), [["POL002", "spec.applyOnForward"]]],
    [
      "preDNAT with egress",
      gnp({ preDNAT: true, applyOnForward: true, types: ["Egress"], egress: [{ action: "Allow" }] }),
      [["POL002", "spec.egress"]],
    ],
    [
      "preDNAT and doNotTrack",
      gnp({ preDNAT: true, doNotTrack: true, applyOnForward: true, types: ["Ingress"] }),
      [["POL002", "spec.preDNAT"]],
    ],
    ["a name that is no DNS name", gnp({}, "Deny_All"), [["POL002", "metadata.name"]]],
    ["a name that is too long", gnp({}, "a".repeat(254)), [["POL002", "metadata.name"]]],
    [
      "domains of Calico Enterprise",
      gnp({ types: ["Egress"], egress: [{ action: "Allow", destination: { domains: ["x.test"] } }] }),
      [["POL038", "spec.egress[0].destination.domains"]],
    ],
  ])("%s: the object is absent, with a finding", (_rule, object, findings) => {
    const result = read(object);

    expect(result.findings).toEqual(findings);
    expect(result.set.policies).toEqual([]);
    expect(result.set.absent?.map((one) => one.reason)).toEqual([
      findings[0]?.[0] === "POL001" ? "unresolved" : "invalid",
    ]);
  });

  test("every problem of an object is told, not the first alone", () => {
    const result = read(
      gnp({ order: "x", selector: "=", ingress: [{ action: "No" }, { protocol: "TPC", action: "Deny" }] }),
    );

    expect(result.findings.map(([, field]) => field)).toEqual([
      "spec.order",
      "spec.ingress[0].action",
      "spec.ingress[1].protocol",
      "spec.selector",
    ]);
  });

  test("a finding about a selector gives the column in it", () => {
    const { findings } = readCalicoPolicies([rawObject(gnp({ selector: "app == 'x' && y" }))]);

    expect(findings[0]).toMatchObject({
      code: "POL002",
      severity: "error",
      message: `spec.selector is no selector: expected an operator after the label y (column 16 of "app == 'x' && y")`,
      where: { object: "GlobalNetworkPolicy/p", field: "spec.selector" },
      data: { column: 16 },
    });
  });
});

describe("fields that Calico ignores", () => {
  test.each<[string, JsonObject, [string, string | undefined][]]>([
    ["Kubernetes' podSelector", np({ podSelector: {} }), [["POL003", "spec.podSelector"]]],
    ["Kubernetes' policyTypes", np({ policyTypes: ["Egress"] }), [["POL003", "spec.policyTypes"]]],
    ["from in a rule", np({ ingress: [{ action: "Allow", from: [] }] }), [["POL003", "spec.ingress[0].from"]]],
    [
      "ports directly in a rule",
      np({ ingress: [{ action: "Allow", protocol: "TCP", ports: [80] }] }),
      [["POL003", "spec.ingress[0].ports"]],
    ],
    [
      "Nets with a capital letter",
      np({ ingress: [{ action: "Allow", source: { Nets: [] } }] }),
      [["POL003", "spec.ingress[0].source.Nets"]],
    ],
    [
      "namespaceSelector in a namespaced policy",
      np({ namespaceSelector: "all()" }),
      [["POL003", "spec.namespaceSelector"]],
    ],
    ["a top-level field", { ...np({}), Spec: {} }, [["POL003", "Spec"]]],
    [
      "an unknown field of icmp",
      np({ ingress: [{ action: "Allow", protocol: "ICMP", icmp: { type: 8, name: "x" } }] }),
      [["POL003", "spec.ingress[0].icmp.name"]],
    ],
  ])("%s: told, and the rest is read", (_rule, object, findings) => {
    const result = read(object);

    expect(result.findings).toEqual(findings);
    expect(result.set.policies).toHaveLength(1);
  });

  test("the remedy names the field that was meant", () => {
    const { findings } = readCalicoPolicies([
      rawObject(np({ ingress: [{ action: "Allow", protocol: "TCP", ports: [80], source: { Nets: [] } }] })),
    ]);

    expect(findings.map((finding) => finding.remedy)).toEqual([
      "write destination.ports instead of ports, or remove it",
      "write nets instead of Nets, or remove it",
    ]);
  });
});

describe("values that mean something else than they seem to", () => {
  test("a prefix with host bits is the network around it", () => {
    const result = read(np({ ingress: [{ action: "Allow", source: { nets: ["10.1.2.3/8"] } }] }));

    expect(result.findings).toEqual([["POL005", "spec.ingress[0].source.nets[0]"]]);
    expect(result.set.policies[0]?.ingress[0]?.source.nets).toEqual(["10.0.0.0/8"]);
  });

  test("a range with a hyphen is a port name", () => {
    const result = read(np({ ingress: [{ action: "Allow", protocol: "TCP", destination: { ports: ["80-90"] } }] }));

    expect(result.findings).toEqual([["POL006", "spec.ingress[0].destination.ports[0]"]]);
    expect(result.set.policies[0]?.ingress[0]?.destination.ports).toEqual([{ kind: "name", name: "80-90" }]);
  });

  test("a bare address is one address, and ports may be texts", () => {
    const policy = onlyPolicy(
      np({
        ingress: [
          {
            action: "Allow",
            protocol: "tcp",
            source: { nets: ["10.0.0.4"] },
            destination: { ports: ["80", "8080:8090"] },
          },
        ],
      }),
    );

    expect(policy.ingress[0]).toMatchObject({
      protocol: 6,
      source: { nets: ["10.0.0.4/32"] },
      destination: {
        ports: [
          { kind: "range", from: 80, to: 80 },
          { kind: "range", from: 8080, to: 8090 },
        ],
      },
    });
  });

  test("variables are filled in, with their defaults where no value is given", () => {
    const object = np({ ingress: [{ action: "Allow", source: { nets: ["${A}/32", "${B:=10.0.0.2}/32"] } }] });
    const result = readCalicoPolicies([rawObject(object)], { variables: { A: "10.0.0.1" } });

    expect(result.value?.policies[0]?.ingress[0]?.source.nets).toEqual(["10.0.0.1/32", "10.0.0.2/32"]);
    expect(result.findings).toEqual([]);
  });
});

describe("the two API groups", () => {
  const types = (object: JsonObject): CalicoPolicy["governs"] => onlyPolicy(object).governs;

  test.each<[string, JsonObject, boolean, boolean]>([
    ["v3 without rules: ingress", gnp({}), true, false],
    ["v3 with egress rules: egress", gnp({ egress: [{ action: "Allow" }] }), false, true],
    ["v3 with both: both", gnp({ ingress: [{ action: "Allow" }], egress: [{ action: "Allow" }] }), true, true],
    ["v3 with an empty list: as if it were missing", gnp({ types: [] }), true, false],
    ["stored without types: both", gnp({ ingress: [{ action: "Allow" }] }, "p", stored), true, true],
    ["stored with types: these", gnp({ types: ["Ingress"] }, "p", stored), true, false],
  ])("%s", (_rule, object, ingress, egress) => {
    expect(types(object)).toEqual({ ingress, egress });
  });

  test("a stored object without types is told, with the direction that it closes", () => {
    const { findings } = readCalicoPolicies([rawObject(gnp({ ingress: [{ action: "Allow" }] }, "p", stored))]);

    expect(findings.map(({ code, remedy }) => [code, remedy])).toEqual([
      ["POL010", "write types: [Ingress] if egress was not meant, types: [Ingress, Egress] if it was"],
    ]);
  });

  test("a port name without protocol is refused by the API and read from the store", () => {
    const rule = { ingress: [{ action: "Allow", destination: { ports: ["http"] } }], types: ["Ingress"] };

    expect(read(np(rule)).findings).toEqual([["POL004", "spec.ingress[0].destination.ports"]]);
    expect(read(np(rule, "p", stored)).findings).toEqual([]);
  });

  test("labels of a stored network set are read from its annotation", () => {
    const object = {
      apiVersion: stored,
      kind: "GlobalNetworkSet",
      metadata: { name: "s", annotations: { "projectcalico.org/metadata": '{"labels":{"role":"partner"}}' } },
      spec: { nets: ["192.0.2.0/24"] },
    };

    expect(read(object).set.networkSets[0]?.labels).toEqual({ role: "partner" });
  });

  test("the same object in both groups is read once", () => {
    const result = read(gnp({ order: 1 }), gnp({ order: 1 }, "p", stored));

    expect(result.findings.map(([code]) => code)).toEqual(["POL009"]);
    expect(result.set.policies).toHaveLength(1);
  });

  test.each([
    ["default.allow-dns", "default", "allow-dns"],
    ["sec.sec.x", "sec", "sec.x"],
    ["sec.x", "default", "sec.x"],
    ["default", "default", "default"],
  ])("the name %s in tier %s is called %s", (name, tier, base) => {
    expect(onlyPolicy(gnp({ tier }, name)).baseName).toBe(base);
  });
});

describe("whom a policy applies to", () => {
  const subject = (object: JsonObject): string => printSelector(onlyPolicy(object).appliesTo);

  test.each<[string, JsonObject, string]>([
    ["a global policy without selector: everything, host endpoints too", gnp({}), "all()"],
    ["a namespaced one: its namespace", np({}), 'meta:namespace == "a"'],
    ["the empty selector is all()", np({ selector: "" }), 'meta:namespace == "a"'],
    ["namespaceSelector all(): whatever has a namespace", gnp({ namespaceSelector: "all()" }), "has(meta:namespace)"],
    [
      "all() beside a namespaceSelector: the same",
      gnp({ selector: "all()", namespaceSelector: "team == 'x'" }),
      '(has(meta:namespace) && ns:team == "x")',
    ],
    [
      "all() beside a serviceAccountSelector: whatever has an account",
      gnp({ selector: "all()", serviceAccountSelector: "role == 'x'" }),
      '(has(meta:serviceaccount) && sa:role == "x")',
    ],
    [
      "names of namespaces and accounts",
      gnp({
        namespaceSelector: "projectcalico.org/name == 'n'",
        serviceAccountSelector: "projectcalico.org/name == 's'",
      }),
      '(meta:namespace == "n" && meta:serviceaccount == "s")',
    ],
    [
      "Calico's own labels",
      np({
        selector:
          "projectcalico.org/namespace == 'n' && projectcalico.org/orchestrator == 'k8s' && has(projectcalico.org/serviceaccount)",
      }),
      '(meta:namespace == "n" && meta:orchestrator == "k8s" && has(meta:serviceaccount) && meta:namespace == "a")',
    ],
    [
      "prefixed keys",
      gnp({ selector: "pcns.team == 'x' && pcsa.role != 'y' && pcns.projectcalico.org/name == 'n'" }),
      '(ns:team == "x" && !sa:role == "y" && meta:namespace == "n")',
    ],
  ])("%s", (_rule, object, printed) => {
    expect(subject(object)).toBe(printed);
  });
});

describe("whom a rule speaks of", () => {
  const peer = (entity: JsonObject, make: (spec: JsonObject) => JsonObject): string | undefined => {
    const { selector } =
      onlyPolicy(make({ types: ["Ingress"], ingress: [{ action: "Allow", source: entity }] })).ingress[0]?.source ?? {};
    return selector && printSelector(selector);
  };

  test.each<[string, JsonObject, typeof gnp | typeof np, string | undefined]>([
    [
      "a selector in a namespaced policy: its own namespace",
      { selector: "has(a)" },
      np,
      '(meta:namespace == "a" && has(pod:a))',
    ],
    ["a selector in a global policy: everywhere", { selector: "has(a)" }, gnp, "has(pod:a)"],
    ["all() in a global policy: any known endpoint or set", { selector: "all()" }, gnp, "all()"],
    ["nothing: any address", {}, np, undefined],
    ["nets alone are not bound to the namespace", { nets: ["10.0.0.0/8"] }, np, undefined],
    [
      "a notSelector alone is bound to the namespace",
      { notSelector: "has(a)" },
      np,
      '(meta:namespace == "a" && !has(pod:a))',
    ],
    ["in a global policy it is bound to nothing", { notSelector: "has(a)" }, gnp, undefined],
    [
      "a namespaceSelector takes the place of the namespace",
      { namespaceSelector: "team == 'x'", selector: "has(a)" },
      np,
      '(ns:team == "x" && has(pod:a))',
    ],
    [
      "all() in a namespaceSelector: pods and namespaced sets",
      { namespaceSelector: "all()" },
      np,
      "has(meta:namespace)",
    ],
    [
      "global(): what has no namespace",
      { namespaceSelector: "global()", selector: "has(a)" },
      np,
      "(!has(meta:namespace) && has(pod:a))",
    ],
    [
      "accounts by name and label",
      { serviceAccounts: { names: ["x", "y"], selector: "role == 'z'" } },
      gnp,
      '(meta:serviceaccount in {"x", "y"} && sa:role == "z")',
    ],
  ])("%s", (_rule, entity, make, printed) => {
    expect(peer(entity, make)).toBe(printed);
  });
});

describe("order", () => {
  test("tiers come by order and name, those that do not exist last", () => {
    const tier = (name: string, order?: number): JsonObject => ({
      apiVersion: v3,
      kind: "Tier",
      metadata: { name },
      spec: order === undefined ? {} : { order },
    });
    const { set, findings } = read(tier("b", 5), tier("a", 5), tier("none"), gnp({ tier: "ghost" }, "g"));

    expect(set.tiers.map(({ name, exists }) => `${name}${exists ? "" : "?"}`)).toEqual([
      "a",
      "b",
      "default",
      "none",
      "ghost?",
    ]);
    expect(findings).toEqual([["POL011", "spec.tier"]]);
  });

  test("policies come by order, those without last, then by name", () => {
    const { set } = read(
      gnp({}, "z"),
      gnp({}, "a"),
      gnp({ order: 5 }, "five"),
      gnp({ order: -1.5 }, "minus"),
      knp({ podSelector: {} }),
    );

    expect(set.policies.map((policy) => policy.identity.name)).toEqual(["minus", "five", "k", "a", "z"]);
  });

  test("the default tier cannot be changed", () => {
    const object = {
      apiVersion: v3,
      kind: "Tier",
      metadata: { name: "default" },
      spec: { order: 5, defaultAction: "Pass" },
    };
    const { set, findings } = read(object);

    expect(findings).toEqual([["POL002", "spec"]]);
    expect(set.tiers).toEqual([{ name: "default", order: 1_000_000, defaultAction: "Deny", exists: true }]);
  });
});

describe("other kinds", () => {
  test("a Kubernetes policy is a policy of order 1000 whose peers are pods", () => {
    const policy = onlyPolicy(
      knp({
        podSelector: { matchLabels: { app: "web" } },
        ingress: [
          {
            from: [
              { podSelector: { matchLabels: { app: "cli" } } },
              { namespaceSelector: {} },
              { ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } },
            ],
            ports: [{ port: 80 }, { port: 443, endPort: 445 }, { port: "dns", protocol: "UDP" }],
          },
        ],
      }),
    );

    expect(printSelector(policy.appliesTo)).toBe(
      '(meta:orchestrator == "k8s" && meta:namespace == "a" && pod:app == "web")',
    );
    expect({ order: policy.order, tier: policy.tier, governs: policy.governs }).toEqual({
      order: 1000,
      tier: "default",
      governs: { ingress: true, egress: false },
    });
    expect(policy.ingress.map(({ protocol, destination }) => [protocol, destination.ports])).toEqual(
      [0, 1, 2].flatMap(() => [
        [
          6,
          [
            { kind: "range", from: 80, to: 80 },
            { kind: "range", from: 443, to: 445 },
          ],
        ],
        [17, [{ kind: "name", name: "dns" }]],
      ]),
    );
    expect(
      policy.ingress
        .filter((_, at) => at % 2 === 0)
        .map(({ source }) => (source.selector ? printSelector(source.selector) : source)),
    ).toEqual([
      '(meta:orchestrator == "k8s" && meta:namespace == "a" && pod:app == "cli")',
      '(meta:orchestrator == "k8s" && has(meta:namespace))',
      { nets: ["10.0.0.0/8"], notNets: ["10.1.0.0/16"] },
    ]);
  });

  test.each<[string, JsonValue[], [number | undefined, unknown][]]>([
    ["no ports: any protocol", [], [[undefined, undefined]]],
    ["an empty port: any protocol", [{}], [[undefined, undefined]]],
    ["a protocol alone: all of it", [{ protocol: "UDP" }], [[17, undefined]]],
    ["all of a protocol swallows its ports", [{ port: 53, protocol: "UDP" }, { protocol: "UDP" }], [[17, undefined]]],
  ])("ports of a Kubernetes policy, %s", (_rule, ports, expected) => {
    const policy = onlyPolicy(knp({ podSelector: {}, ingress: [{ ports }] }));

    expect(policy.ingress.map(({ protocol, destination }) => [protocol, destination.ports])).toEqual(expected);
  });

  test("staged policies are read and marked", () => {
    const object = {
      apiVersion: v3,
      kind: "StagedGlobalNetworkPolicy",
      metadata: { name: "p" },
      spec: { stagedAction: "Set", selector: "has(a)" },
    };

    expect(read(object).findings).toEqual([]);
    expect(onlyPolicy(object).isStaged).toBe(true);
  });

  test("policies of the administrator's API are named and not evaluated", () => {
    const object = {
      apiVersion: "policy.networking.k8s.io/v1alpha1",
      kind: "AdminNetworkPolicy",
      metadata: { name: "p" },
      spec: {},
    };
    const { set, findings } = read(object);

    expect(findings).toEqual([["POL008", undefined]]);
    expect(set.absent?.map((one) => one.reason)).toEqual(["other-api"]);
  });

  test.each<[string, JsonObject, [string, string | undefined][]]>([
    [
      "a network set with the namespace label",
      {
        kind: "NetworkSet",
        metadata: { name: "s", namespace: "a", labels: { "projectcalico.org/namespace": "a" } },
        spec: {},
      },
      [["POL002", "metadata.labels"]],
    ],
    [
      "a network set with domains",
      { kind: "GlobalNetworkSet", metadata: { name: "s" }, spec: { allowedEgressDomains: ["x"] } },
      [["POL038", "spec.allowedEgressDomains"]],
    ],
    [
      "a host endpoint without node",
      { kind: "HostEndpoint", metadata: { name: "h" }, spec: { interfaceName: "*" } },
      [["POL002", "spec.node"]],
    ],
    [
      "a host endpoint without interface and address",
      { kind: "HostEndpoint", metadata: { name: "h" }, spec: { node: "n" } },
      [["POL002", "spec"]],
    ],
    [
      "a tier with another default action",
      { kind: "Tier", metadata: { name: "t" }, spec: { defaultAction: "Allow" } },
      [["POL002", "spec.defaultAction"]],
    ],
  ])("%s is refused", (_rule, object, findings) => {
    const result = read({ apiVersion: v3, ...object });

    expect(result.findings).toEqual(findings);
    expect([...result.set.networkSets, ...result.set.hostEndpoints]).toEqual([]);
  });

  test("Calico's own profiles are not read, others are", () => {
    const profile = (name: string): JsonObject => ({
      apiVersion: v3,
      kind: "Profile",
      metadata: { name },
      spec: { ingress: [{ action: "Allow" }] },
    });

    expect(
      read(profile("kns.a"), profile("ksa.a.default"), profile("mine")).set.profiles.map(({ name }) => name),
    ).toEqual(["mine"]);
  });
});
