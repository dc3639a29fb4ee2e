import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCommand } from "./run-command.ts";

interface Report {
  readonly policies: readonly { readonly result: string; readonly outputs: readonly unknown[] }[];
  readonly findings: readonly {
    readonly code: string;
    readonly where?: { readonly line?: number; readonly object?: string; readonly field?: string };
  }[];
}

/** What a person reads of one file of policies: each finding with its line and field, and what became of each policy. */
async function translated(text: string): Promise<readonly [readonly string[], readonly string[]]> {
  const file = join(mkdtempSync(join(tmpdir(), "bad-policies-")), "policies.yaml");
  writeFileSync(file, text);
  const { out } = await runCommand("translate", file, "--format", "json");
  const { policies, findings } = JSON.parse(out) as Report;
  return [
    findings.map(({ code, where }) => `${code} line ${where?.line} ${where?.object} ${where?.field}`),
    policies.map(({ result, outputs }) => `${result}, ${outputs.length} written`),
  ];
}

const policy = (spec: string, name = "p"): string =>
  `apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: { name: ${name}, namespace: a }
spec:
  types: [Ingress]
${spec.replaceAll(/^/gmu, "  ")}
`;
const inRule = (fields: string): string =>
  policy(`selector: app == 'web'
ingress:
  - action: Allow
${fields.replaceAll(/^/gmu, "    ")}`);
const long = "x".repeat(64);

test.each<[string, string, readonly string[], readonly string[]]>([
  [
    "a selector that is none",
    policy("selector: app = 'web'"),
    ["POL002 line 6 NetworkPolicy/a/p spec.selector"],
    ["refused, 0 written"],
  ],
  [
    "a selector of a rule that is none",
    inRule("source:\n  namespaceSelector: team is 'x'"),
    ["POL002 line 10 NetworkPolicy/a/p spec.ingress[0].source.namespaceSelector"],
    ["refused, 0 written"],
  ],
  [
    "an action that Calico does not have",
    policy("selector: all()\ningress:\n  - action: Accept"),
    ["POL002 line 8 NetworkPolicy/a/p spec.ingress[0].action"],
    ["refused, 0 written"],
  ],
  [
    "an order that is a text",
    policy('order: "100"\nselector: all()'),
    ["POL001 line 6 NetworkPolicy/a/p spec.order"],
    ["refused, 0 written"],
  ],
  [
    "a prefix with host bits",
    inRule("source:\n  nets:\n    - 10.0.0.0/8\n    - 172.16.0.0/12\n    - 192.168.7.9/16"),
    [
      "POL005 line 13 NetworkPolicy/a/p spec.ingress[0].source.nets[2]",
      "POL046 line 8 NetworkPolicy/a/p spec.ingress[0].source.nets",
    ],
    ["exact, 1 written"],
  ],
  [
    "an IPv6 prefix in a rule for IPv4",
    inRule('ipVersion: 4\nsource:\n  nets: ["2001:db8::/32"]'),
    ["POL002 line 9 NetworkPolicy/a/p spec.ingress[0].ipVersion"],
    ["refused, 0 written"],
  ],
  [
    "prefixes of both families in one rule",
    inRule('source:\n  nets: [192.0.2.0/24, "2001:db8::/32"]'),
    ["POL002 line 8 NetworkPolicy/a/p spec.ingress[0]"],
    ["refused, 0 written"],
  ],
  [
    "a label value of 64 characters",
    inRule(`source:\n  selector: app == '${long}'`),
    [
      "POL014 line 8 NetworkPolicy/a/p spec.ingress[0]",
      "POL024 line 8 NetworkPolicy/a/p spec.ingress[0].source.selector",
    ],
    ["exact, 1 written"],
  ],
  [
    "a rule that is empty, and one that is null",
    policy("selector: all()\ningress:\n  - {}\n  -"),
    ["POL001 line 9 NetworkPolicy/a/p spec.ingress[1]", "POL002 line 8 NetworkPolicy/a/p spec.ingress[0]"],
    ["refused, 0 written"],
  ],
  [
    "a direction without a rule is a default deny, and nothing to tell",
    policy("selector: all()\ningress: []"),
    [],
    ["exact, 1 written"],
  ],
  [
    "a policy that selects nothing",
    policy("selector: app == 'a' && app == 'b'"),
    ["POL007 line 6 NetworkPolicy/a/p spec.selector"],
    ["exact, 0 written"],
  ],
  [
    "two policies of one order that disagree",
    `${policy("order: 5\nselector: all()\ningress: [{ action: Deny, protocol: TCP }]")}---\n${policy("order: 5\nselector: all()\ningress: [{ action: Allow }]", "q")}`,
    ["POL012 line 17 NetworkPolicy/a/q spec.ingress[0]", "POL045 line 8 NetworkPolicy/a/p spec.ingress[0]"],
    ["exact, 1 written", "exact, 1 written"],
  ],
  [
    "two names that become one",
    `${policy("selector: all()\ningress: [{ action: Allow }]")}---\n${policy("selector: all()\ningress: [{ action: Allow }]", "default.p")}`,
    ["POL013 line 3 NetworkPolicy/a/p metadata.name"],
    ["exact, 1 written", "exact, 1 written"],
  ],
])("%s", async (_what, text, findings, results) => {
  expect(await translated(text)).toEqual([findings, results]);
});

test("thousands of rules in one policy are told, with what the object weighs", async () => {
  const rules = Array.from(
    { length: 3000 },
    (_, index) =>
      `  - { action: Allow, protocol: TCP, source: { selector: app == 'a${index}' }, destination: { ports: [${1000 + index}] } }`,
  );
  const [findings, results] = await translated(policy(`selector: app == 'web'\ningress:\n${rules.join("\n")}`));

  expect(findings).toEqual(["POL040 line 4 NetworkPolicy/a/p spec"]);
  expect(results).toEqual(["exact, 1 written"]);
});
