import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Finding } from "../../lib/core/finding.ts";
import { checkPlanSpec, definePlan } from "../../lib/plan/define-plan.ts";
import { readPlan } from "../../lib/plan/read-plan.ts";
import { full, minimal } from "./samples.ts";

/** A finding as `code line:column message | remedy`. */
function print(finding: Finding): string {
  const { line, column } = finding.where ?? {};
  const remedy = finding.remedy === undefined ? "" : ` | ${finding.remedy}`;
  return `${finding.code} ${line ?? "-"}:${column ?? "-"} ${finding.message}${remedy}`;
}

function errors(text: string): string[] {
  return readPlan(text, "plan.yaml")
    .findings.filter((finding) => finding.severity === "error")
    .map(print);
}

test("a minimal plan gets every default", () => {
  const { value } = readPlan(minimal, "plans/prod.yaml");

  expect({ ...value, positions: undefined }).toEqual({
    name: "prod-eu",
    file: "plans/prod.yaml",
    positions: undefined,
    spec: {
      inventory: "../inventory/prod-eu",
      source: "auto",
      target: {
        cni: "cilium",
        version: "1.20.2",
        podCIDRs: [],
        devices: [],
        kubeProxyReplacement: false,
        values: {},
        chart: { source: "https", repository: "https://helm.cilium.io" },
      },
      strategy: "live",
      reservedCIDRs: [],
      waves: {
        canary: { nodes: 1, from: {} },
        groups: [],
        exclude: undefined,
        budget: { maxUnavailable: "10%", acrossZones: false },
        soakSeconds: 900,
      },
      roll: {
        executor: "job",
        mode: "evict",
        image: "docker.io/alpine/k8s:1.36.3",
        probeImage: "registry.k8s.io/e2e-test-images/agnhost:2.53",
        drainTimeoutSeconds: 1200,
        deleteEmptyDirData: true,
        deleteBarePods: false,
        serviceLevelGates: [],
      },
      policies: { continuity: "exact", accept: [], probes: true },
      newNodes: "cilium",
      delivery: {
        engines: ["argocd", "flux"],
        repoURL: "https://git.example.invalid/platform.git",
        revision: "main",
        path: "dist",
        argocd: { namespace: "argocd", pinning: "commit" },
        flux: { namespace: "flux-system" },
      },
      observability: { goldpinger: false, hubble: true },
      preflight: { accept: [] },
    },
    stages: {},
  });
});

test("a full plan is read without a finding, anchors included", () => {
  const { value, findings } = readPlan(full, "plan.yaml");

  expect(findings).toEqual([]);
  expect(value?.spec.preflight.accept).toEqual(value?.spec.policies.accept);
  expect(value?.spec.roll.goldpinger).toEqual({ url: "http://goldpinger.goldpinger:8080", healthyAnswers: 3 });
  expect(value?.stages["010-cilium"]?.state).toBe("open");
});

test("positions point at the key of each written field and at the elements of lists", () => {
  const positions = readPlan(full, "plan.yaml").value?.positions;

  expect(positions?.get("spec.source")).toEqual({ line: 7, column: 3 });
  expect(positions?.get("spec.waves.groups[1].roll.mode")).toEqual({ line: 20, column: 39 });
  expect(positions?.get("spec.waves.groups[0]")).toEqual({ line: 19, column: 9 });
  expect(positions?.has("spec.newNodes")).toBe(false);
});

test("the same fields in TypeScript give the same plan", () => {
  const spec = definePlan({
    apiVersion: "metachron.dev/v1alpha1",
    kind: "MigrationPlan",
    metadata: { name: "prod-eu" },
    spec: { inventory: "../inventory/prod-eu", waves: { groups: [{ pool: "general", size: 3 }] } },
  });

  const fromCode = checkPlanSpec(JSON.parse(JSON.stringify(spec)), "plan.yaml");
  const fromYaml = readPlan(`${minimal}  waves: { groups: [{ pool: general, size: 3 }] }\n`, "plan.yaml");

  const { positions: _positions, ...plan } = fromYaml.value ?? {};
  expect(fromCode.value).toEqual(plan);
  expect(fromCode.findings.map((finding) => finding.code)).toEqual(fromYaml.findings.map((finding) => finding.code));
});

describe("what is wrong is said with its place and the nearest way out", () => {
  test.each([
    [
      "a misspelt key",
      `${minimal}  sorce: auto\n`,
      ['plan/unknown-key 6:3 spec has no key "sorce" | Did you mean source?'],
    ],
    [
      "a key at the wrong level",
      `${minimal}  soakSeconds: 3\n`,
      ['plan/unknown-key 6:3 spec has no key "soakSeconds" | Move it: it belongs at spec.waves.soakSeconds'],
    ],
    [
      "a key that nothing is like",
      `${minimal}  waves: { canary: { colour: blue } }\n`,
      ['plan/unknown-key 6:22 spec.waves.canary has no key "colour" | Remove it; spec.waves.canary has nodes, from'],
    ],
    [
      "__proto__",
      `${minimal}__proto__: { a: 1 }\n`,
      [
        'plan/unknown-key 6:1 The plan has no key "__proto__" | Remove it; a plan has apiVersion, kind, metadata, spec, stages',
      ],
    ],
    [
      "a missing key",
      minimal.replace("  inventory: ../inventory/prod-eu\n", "  source: auto\n"),
      ['plan/missing-key 4:1 spec has no key "inventory" | Add spec.inventory'],
    ],
    [
      "an empty spec",
      minimal.replace("\n  inventory: ../inventory/prod-eu", ""),
      ["plan/invalid-value 4:6 spec must be a mapping, not empty"],
    ],
    [
      "another kind",
      minimal.replace("MigrationPlan", "Plan"),
      ['plan/invalid-value 2:7 kind must be MigrationPlan, not "Plan"'],
    ],
    [
      "another version",
      minimal.replace("v1alpha1", "v1"),
      ['plan/invalid-value 1:13 apiVersion must be metachron.dev/v1alpha1, not "metachron.dev/v1"'],
    ],
    [
      "a number where a text belongs",
      `${minimal}  target: { version: 1.20 }\n`,
      ["plan/invalid-value 6:22 spec.target.version must be a text, not 1.2; put it in quotes"],
    ],
    [
      "a text where a number belongs",
      `${minimal}  waves: { soakSeconds: "60" }\n`,
      ['plan/invalid-value 6:25 spec.waves.soakSeconds must be a whole number, not "60"'],
    ],
    [
      "a fraction where a whole number belongs",
      `${minimal}  waves: { groups: [{ size: 1.5 }] }\n`,
      ["plan/invalid-value 6:29 spec.waves.groups[0].size must be a whole number, not 1.5"],
    ],
    [
      "a size of nothing",
      `${minimal}  waves: { groups: [{ size: 0 }] }\n`,
      ["plan/invalid-value 6:29 spec.waves.groups[0].size must be at least 1"],
    ],
    [
      "a canary of nobody",
      `${minimal}  waves: { canary: { nodes: 0 } }\n`,
      ["plan/invalid-value 6:29 spec.waves.canary.nodes must be at least 1"],
    ],
    [
      "a percentage that is none",
      `${minimal}  waves: { budget: { maxUnavailable: 120% } }\n`,
      [
        'plan/invalid-value 6:38 spec.waves.budget.maxUnavailable is "120%": write a count (3) or a percentage between 1% and 100%',
      ],
    ],
    [
      "a negative count",
      `${minimal}  waves: { budget: { maxUnavailable: -1 } }\n`,
      ["plan/invalid-value 6:38 spec.waves.budget.maxUnavailable must be at least 1"],
    ],
    [
      "a misspelt choice",
      `${minimal}  roll: { executor: kurd }\n`,
      [
        'plan/invalid-value 6:21 spec.roll.executor must be job, manual, system-upgrade-controller, kured, cluster-api, not "kurd"; did you mean kured?',
      ],
    ],
    [
      "no engine",
      `${minimal}  delivery: { engines: [] }\n`,
      ["plan/invalid-value 6:24 spec.delivery.engines must have at least 1 elements"],
    ],
    [
      "a path out of the repository",
      `${minimal}  delivery: { path: ../x }\n`,
      ['plan/invalid-value 6:21 spec.delivery.path is "../x": use a path inside the repository'],
    ],
    [
      "an address without http",
      `${minimal}  roll: { goldpinger: { url: "goldpinger:8080" } }\n`,
      [
        'plan/invalid-value 6:30 spec.roll.goldpinger.url is "goldpinger:8080": write an address that starts with http:// or https://',
      ],
    ],
    [
      "an acceptance without reason and name",
      `${minimal}  preflight: { accept: [{ code: a/b, object: "*" }] }\n`,
      [
        'plan/missing-key 6:25 spec.preflight.accept[0] has no key "by" | Add spec.preflight.accept[0].by',
        'plan/missing-key 6:25 spec.preflight.accept[0] has no key "reason" | Add spec.preflight.accept[0].reason',
      ],
    ],
    [
      "an acceptance until no day",
      `${minimal}  preflight: { accept: [{ code: a/b, object: "*", reason: r, by: ada, until: 2026-13-01 }] }\n`,
      ['plan/invalid-value 6:78 spec.preflight.accept[0].until is "2026-13-01": write a day as YYYY-MM-DD'],
    ],
    [
      "a stage that is no folder",
      `${minimal}stages: { canary: { state: open } }\n`,
      ['plan/invalid-value 6:11 The key "canary" of stages is not allowed: name a stage as its folder: 110-general-a'],
    ],
    [
      "a state that is none",
      `${minimal}stages: { 100-canary: { state: opn } }\n`,
      [
        'plan/invalid-value 6:32 stages.100-canary.state must be held, open, done, rollback, not "opn"; did you mean open?',
      ],
    ],
    [
      "a name that is no label",
      minimal.replace("prod-eu }", "Prod_EU }"),
      [
        'plan/invalid-value 3:19 metadata.name is "Prod_EU": use lower-case letters, digits and dashes, at most 63 signs',
      ],
    ],
    [
      "a key written twice",
      `${minimal}  source: auto\n  source: canal\n`,
      ["plan/duplicate-key 7:3 Map keys must be unique | Keep one of the two"],
    ],
    [
      "a tab",
      `${minimal}\tsource: auto\n`,
      ["plan/invalid-yaml 6:1 Tabs are not allowed as indentation | Indent with spaces"],
    ],
    [
      "two documents",
      `${minimal}---\na: 1\n`,
      ["plan/invalid-yaml 6:1 The file holds several YAML documents; a plan is one document"],
    ],
    [
      "an unknown anchor",
      `${minimal}  source: *x\n`,
      ["plan/invalid-yaml 6:11 Unresolved alias (the anchor must be set before the alias): x"],
    ],
    [
      "an empty file",
      "",
      ["plan/empty -:- The file holds no plan | Write one with metachron init --inventory DIR --plan FILE"],
    ],
    [
      "a file of comments",
      "# nothing\n",
      ["plan/empty -:- The file holds no plan | Write one with metachron init --inventory DIR --plan FILE"],
    ],
    [
      "a list",
      "- a\n",
      ["plan/invalid-value 1:1 A plan is a mapping with apiVersion, kind, metadata and spec, not a list"],
    ],
    [
      "a text",
      "hello\n",
      ["plan/invalid-value 1:1 A plan is a mapping with apiVersion, kind, metadata and spec, not a text"],
    ],
  ])("%s", (_what, text, expected) => {
    expect(errors(text).toSorted()).toEqual(expected);
  });
});

describe("rules across fields", () => {
  const spec = (fields: string): string => `${minimal}${fields}`;

  test.each([
    [
      "a prefix that is none",
      "  target: { podCIDRs: [10.245.0.0] }\n",
      [
        'plan/invalid-cidr 6:24 "10.245.0.0" is no prefix | Write an address with its length, for example 10.245.0.0/16 or fd00:10:245::/56',
      ],
    ],
    [
      "two pools of one family",
      "  target: { podCIDRs: [10.245.0.0/16, 10.246.0.0/16] }\n",
      [
        "plan/two-pools-of-one-family 6:39 10.246.0.0/16 is a second IPv4 pool beside 10.245.0.0/16 | Keep one prefix that is large enough",
      ],
    ],
    [
      "a pool in a reserved prefix",
      "  target: { podCIDRs: [10.245.0.0/16] }\n  reservedCIDRs: [10.240.0.0/12]\n",
      [
        "plan/conflicting-settings 6:24 The new pool 10.245.0.0/16 overlaps the reserved prefix 10.240.0.0/12 | Choose a pool outside every reserved prefix, or leave podCIDRs empty to have one proposed",
      ],
    ],
    [
      "blocks larger than the pool",
      "  target: { podCIDRs: [10.245.0.0/16], podCIDRMaskSize: 16 }\n",
      [
        "plan/mask-size 6:40 A block of /16 for each node does not fit the pool 10.245.0.0/16 | Choose a length between 17 and 30; it cannot be changed later",
      ],
    ],
    [
      "a version that is not supported",
      "  target: { version: 1.16.5 }\n",
      [
        'plan/unsupported-cilium-version 6:13 Cilium "1.16.5" is not a version that this release can plan for | Write an exact version of 1.18, 1.19, 1.20, for example 1.20.2',
      ],
    ],
    [
      "a version with a v",
      "  target: { version: v1.20.2 }\n",
      [
        'plan/unsupported-cilium-version 6:13 Cilium "v1.20.2" is not a version that this release can plan for | Write 1.20.2: the chart\'s version has no v',
      ],
    ],
    [
      "a version that is not exact",
      "  target: { version: '1.20' }\n",
      [
        'plan/unsupported-cilium-version 6:13 Cilium "1.20" is not a version that this release can plan for | Write an exact version of 1.18, 1.19, 1.20, for example 1.20.2',
      ],
    ],
    [
      "kured that shall evict",
      "  roll: { executor: kured, mode: evict }\n",
      [
        "plan/executor-mode 6:28 The executor kured cannot do the roll mode evict | Choose a mode of reboot, or an executor of job, manual, system-upgrade-controller",
      ],
    ],
    [
      "a Job that shall reboot",
      "  roll: { mode: reboot }\n",
      [
        "plan/executor-mode 6:11 The executor job cannot do the roll mode reboot | Choose a mode of evict, recycle, or an executor of manual, system-upgrade-controller, kured",
      ],
    ],
    [
      "a group that Cluster API cannot recycle",
      "  roll: { executor: cluster-api }\n  waves: { groups: [{ size: 1, roll: { mode: recycle } }] }\n",
      [
        "plan/executor-mode 7:40 The executor cluster-api cannot do the roll mode recycle | Choose a mode of replace, or an executor of job, manual, system-upgrade-controller",
      ],
    ],
    [
      "gates without Prometheus",
      "  roll: { serviceLevelGates: [{ name: a, query: b }] }\n",
      [
        "plan/gates-without-prometheus 6:11 serviceLevelGates are PromQL, and the plan names no Prometheus to ask | Add spec.roll.prometheus.url",
      ],
    ],
    [
      "a port without a host",
      "  target: { k8sServicePort: 6443 }\n",
      [
        "plan/conflicting-settings 6:13 spec.target.k8sServicePort is given without spec.target.k8sServiceHost | Give both or none",
      ],
    ],
    [
      "an image that was withdrawn",
      "  roll: { image: bitnami/kubectl:1.30 }\n",
      [
        "plan/image-withdrawn 6:11 bitnami/kubectl:1.30 is no longer published under versioned tags | Use docker.io/alpine/k8s or an image of your own, by digest",
      ],
    ],
    [
      "two stages at once",
      "stages: { 100-canary: { state: open }, 000-prepare: { state: rollback }, 110-a-a: { state: done } }\n",
      [
        "plan/two-open-stages 6:11 The stages 000-prepare and 100-canary are both open or being rolled back | Set one of them to held, or finish 000-prepare first",
      ],
    ],
  ])("%s", (_what, fields, expected) => {
    expect(errors(spec(fields))).toEqual(expected);
    expect(readPlan(spec(fields), "plan.yaml").value).toBeDefined();
  });

  test.each([
    [
      "a prefix with host bits",
      "  reservedCIDRs: [10.1.2.3/8, 'FD00:0::1/64', 'fd00:0:0::/64']\n",
      ["plan/host-bits", "plan/host-bits"],
    ],
    ["settings of another executor", "  roll: { kured: {} }\n", ["plan/unread-setting"]],
    ["no policy at all", "  policies: { continuity: off }\n", ["plan/continuity-off"]],
    [
      "an image with kubectl and no shell, whatever its registry",
      "  roll: { image: mirror.example/rancher/kubectl:v1.32.2 }\n",
      ["plan/image-without-shell"],
    ],
    ["an image of one's own that is named kubectl", "  roll: { image: mirror.example/tools/kubectl:v1.32.2 }\n", []],
    ["kubectl alone needs no repository", "  delivery: { engines: [kubectl] }\n", []],
    [
      "an image by digest",
      `  roll: { image: "a@sha256:${"0".repeat(64)}", probeImage: "b:1@sha256:${"1".repeat(64)}" }\n`,
      [],
    ],
  ])("%s", (_what, fields, expected) => {
    const usual = readPlan(minimal, "plan.yaml").findings.map((finding) => finding.code);

    const { findings } = readPlan(spec(fields), "plan.yaml");

    const more = findings.map((finding) => finding.code).filter((code) => !usual.includes(code));
    expect(more).toEqual(expected);
    expect(findings.every((finding) => finding.severity === "warning")).toBe(true);
    if (fields.includes("sha256"))
      expect(findings.map((finding) => finding.code)).toEqual(["plan/placeholder-repo-url"]);
    if (fields.includes("kubectl]"))
      expect(findings.map((finding) => finding.code)).not.toContain("plan/placeholder-repo-url");
  });

  test("an executor that has one mode has it without being asked", () => {
    const modes = ["job", "manual", "system-upgrade-controller", "kured", "cluster-api"].map((executor) => {
      const roll = readPlan(spec(`  roll: { executor: ${executor} }\n`), "plan.yaml").value?.spec.roll;
      return [roll?.executor, roll?.mode];
    });

    expect(modes).toEqual([
      ["job", "evict"],
      ["manual", "evict"],
      ["system-upgrade-controller", "evict"],
      ["kured", "reboot"],
      ["cluster-api", "replace"],
    ]);
  });
});

test("no text makes it throw", () => {
  const pieces = [
    "a",
    ":",
    " ",
    "\n",
    "  ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&x",
    "*x",
    "<<",
    "|",
    "'",
    '"',
    "#",
    "---\n",
    "!!binary ",
    "?",
    "0x1",
    "\t",
    "\u0000",
    "spec",
    "stages",
    "__proto__",
  ];
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...pieces), { maxLength: 30 }),
      fc.nat(full.length),
      fc.boolean(),
      (parts, cut, isInside) => {
        const text = isInside ? full.slice(0, cut) + parts.join("") + full.slice(cut) : parts.join("");

        const { findings, value } = readPlan(text, "plan.yaml");

        expect(value !== undefined || findings.some((finding) => finding.severity === "error")).toBe(true);
      },
    ),
    { numRuns: 150 },
  );
});

test("an alias bomb is refused", () => {
  const levels = Array.from(
    { length: 12 },
    (_, at) => `  l${at + 1}: &l${at + 1} [${Array(10).fill(`*l${at}`).join(", ")}]`,
  );

  expect(errors(`x:\n  l0: &l0 [a]\n${levels.join("\n")}\n`)[0]).toMatch(/^plan\/invalid-yaml .*alias/);
});
