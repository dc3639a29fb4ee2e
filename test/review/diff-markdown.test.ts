import fc from "fast-check";
import { expect, test } from "vitest";
import type { PlanDiff } from "../../lib/review/diff.ts";
import { renderDiffMarkdown } from "../../lib/review/diff-markdown.ts";
import { renderDiffText } from "../../lib/review/diff-text.ts";
import { diffTrees } from "../../lib/review/diff-trees.ts";
import { fixture, states } from "../delivery/fixture.ts";

const done3 = ["done", "done", "done"] as const;

const bytesOf = (text: string): number => Buffer.byteLength(text, "utf8");

/** Whether every code fence of a page is closed. */
function fencesAreClosed(page: string): boolean {
  let open: string | undefined;
  for (const line of page.split("\n")) {
    const fence = /^(`{3,})/u.exec(line)?.[1];
    if (fence === undefined) continue;
    if (open === undefined) open = fence;
    else if (line === open) open = undefined;
  }
  return open === undefined;
}

/** What is left of a page when code is taken out: the part in which text from outside could do harm. */
function outsideCode(page: string): string {
  return page.replace(/^(`{3,})[\s\S]*?^\1$/gmu, "").replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/gu, "");
}

test("Markdown of another attempt, as it stands in a comment", async () => {
  const before = fixture({ stages: states(...done3, "open") });
  const after = fixture({ stages: states(...done3, { state: "open", attempt: 2 }), drainSeconds: 900 });

  await expect(renderDiffMarkdown(diffTrees(before.tree, after.tree), 65_536)).toMatchFileSnapshot(
    "golden/another-attempt.md",
  );
});

test("Markdown of two changes at once puts what is not explained before everything else", async () => {
  const [before, after] = [fixture({}), fixture({ stages: states("open"), nodes: ["node-b"] })];

  await expect(renderDiffMarkdown(diffTrees(before.tree, after.tree), 65_536)).toMatchFileSnapshot(
    "golden/two-changes-at-once.md",
  );
});

const script = (body: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: scripts\n  namespace: metachron\ndata:\n  roll.sh: |\n${body
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n")}\n`;

test("a script that changes is shown as lines, in a fence that its own text cannot close", () => {
  const path = "p/stages/000-prepare/08-configmap-scripts.yaml";
  const before = new Map([[path, script("one\n```\ntwo\nthree")]]);
  const after = new Map([[path, script("one\n```\n````sh\nthree")]]);
  const page = renderDiffMarkdown(diffTrees(before, after), 65_536);

  expect(page).toContain(
    '`data["roll.sh"]`:\n\n`````diff\n@@ line 1, 4 lines @@\n one\n ```\n-two\n+````sh\n three\n`````\n',
  );
  expect(fencesAreClosed(page)).toBe(true);
});

/** Signs that move a terminal's cursor or turn the direction of writing. */
function harmfulSigns(page: string): readonly string[] {
  return [...page].filter((sign) => sign !== "\n" && /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(sign));
}

const hostile = [
  "<script>alert(1)</script>",
  "@everyone",
  "[click](https://evil.example)",
  "https://evil.example/x",
  "![i](https://evil.example/i.png)",
  "a|b",
  "`code` and ``more``",
  "line\nbreak",
  "\u001b[31mred",
  "\u202egnp.exe",
  "# heading",
  "*bold*",
  "<!-- metachron diff -->",
  "```",
];

function hostileDiff(text: string): PlanDiff {
  return {
    apiVersion: "metachron.dev/v1alpha1",
    kind: "PlanDiff",
    summary: { stages: 1, nodes: 1, workloads: 1, values: 1, policies: 1, files: 2, unexpected: 1 },
    stages: [{ stage: text, before: { state: "held", attempt: 1 }, after: { state: "open", attempt: 1 }, nodes: 1 }],
    nodes: [{ node: text, stage: text, change: "rolls" }],
    applied: [{ stage: text, object: `Job/${text}`, file: text }],
    workloads: [{ stage: text, workload: text, replicas: 1, replicasInWave: 1, budgets: [text] }],
    chart: { before: text, after: text },
    values: [{ scope: text, path: text, before: text, after: [text], reason: text }],
    objects: [
      {
        object: text,
        file: text,
        change: "renamed",
        from: text,
        isPolicy: true,
        fields: [
          { path: text, before: text, after: { [text]: text } },
          { path: text, before: `a\n${text}`, after: `b\n${text}` },
        ],
      },
      { object: text, file: text, change: "added", isPolicy: false, fields: [] },
    ],
    files: [
      { path: text, change: "added", isExpected: false, why: text },
      { path: text, change: "removed", isExpected: true, why: text },
    ],
  };
}

test.each(hostile)("%j from a cluster does nothing in Markdown", (text) => {
  const page = renderDiffMarkdown(hostileDiff(text), 65_536);
  const outside = outsideCode(page);

  expect(outside.slice(outside.indexOf("\n"))).not.toMatch(/(?<!\\)</u);
  expect(outside).not.toMatch(/@\w/u);
  expect(outside).not.toMatch(/(?<!\\)\]\(/u);
  expect(outside).not.toMatch(/https?:\/\//u);
  expect(harmfulSigns(page)).toEqual([]);
  expect(page.indexOf("<!-- metachron diff -->")).toBe(0);
  expect(fencesAreClosed(page)).toBe(true);
});

test.each(hostile)("%j from a cluster does nothing in a terminal", (text) => {
  expect(harmfulSigns(renderDiffText(hostileDiff(text)))).toEqual([]);
});

test("the page never exceeds its limit, keeps its fences closed, and says when something is left out", () => {
  const piece = fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: "binary", maxLength: 40 }));
  const many = fc.tuple(piece, fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 20_000 }));
  fc.assert(
    fc.property(many, ([text, times, limit]) => {
      const one = hostileDiff(text);
      const repeat = <T>(list: readonly T[]): readonly T[] => Array.from({ length: times }, () => list).flat();
      const diff = { ...one, files: repeat(one.files), objects: repeat(one.objects), nodes: repeat(one.nodes) };
      const page = renderDiffMarkdown(diff, limit);
      const whole = renderDiffMarkdown(diff, Number.MAX_SAFE_INTEGER);

      expect(bytesOf(page)).toBeLessThanOrEqual(limit);
      expect(fencesAreClosed(page)).toBe(true);
      if (page !== whole && page !== "") expect(page).toMatch(/_Not everything fits here/u);
    }),
    { numRuns: 60 },
  );
});
