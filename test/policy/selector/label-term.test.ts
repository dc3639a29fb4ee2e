import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  absorb,
  complementTerms,
  doOverlap,
  intersectTerms,
  isSubsetOfTerms,
  type LabelTerms,
  matchesTerms,
  subtractTerms,
  toSelector,
  toTerms,
  uniteTerms,
} from "../../../lib/policy/selector/label-term.ts";
import { matches } from "../../../lib/policy/selector/match-selector.ts";
import { printSelector, toCanonicalKey } from "../../../lib/policy/selector/print-selector.ts";
import type { Selector } from "../../../lib/policy/selector/selector.ts";
import {
  conjunction,
  disjunction,
  negation,
  simplifySelector,
} from "../../../lib/policy/selector/simplify-selector.ts";

const keys = ["pod:a", "pod:b", "meta:namespace"];
const values = ["", "x", "y", "xy"];
const key = fc.constantFrom(...keys);
const text = fc.constantFrom(...values);

/** Selectors of every kind over few keys and values, so that they meet. */
const selectors: fc.Arbitrary<Selector> = fc.letrec<{ selector: Selector }>((tie) => ({
  selector: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant<Selector>({ kind: "all" }),
    fc.constant<Selector>({ kind: "none" }),
    key.map((one): Selector => ({ kind: "has", key: one })),
    fc
      .tuple(key, fc.array(text, { maxLength: 3 }))
      .map(([one, list]): Selector => ({ kind: "in", key: one, values: list })),
    fc
      .tuple(fc.constantFrom("contains" as const, "startsWith" as const, "endsWith" as const), key, text)
      .map(([kind, one, part]): Selector => ({ kind, key: one, text: part })),
    tie("selector").map((operand): Selector => ({ kind: "not", operand })),
    fc
      .tuple(fc.constantFrom("and" as const, "or" as const), fc.array(tie("selector"), { maxLength: 3 }))
      .map(([kind, operands]): Selector => ({ kind, operands })),
  ),
})).selector;

const labelSets: fc.Arbitrary<ReadonlyMap<string, string>> = fc
  .dictionary(key, fc.constantFrom(...values, "z"))
  .map((record) => new Map(Object.entries(record)));

const terms = selectors.map((selector) => toTerms(selector).terms);

describe("the normal form", () => {
  test("matches exactly what the selector matches", () => {
    fc.assert(
      fc.property(selectors, fc.array(labelSets, { minLength: 1, maxLength: 8 }), (selector, samples) => {
        const form = toTerms(selector);
        for (const labels of samples) {
          expect(form.isComplete).toBe(true);
          expect(matchesTerms(form.terms, labels)).toBe(matches(selector, labels));
        }
      }),
      { numRuns: 400 },
    );
  });

  test("survives the way back to a selector", () => {
    fc.assert(
      fc.property(selectors, labelSets, (selector, labels) => {
        expect(matches(toSelector(toTerms(selector).terms), labels)).toBe(matches(selector, labels));
      }),
    );
  });

  test.each<[string, Selector, string]>([
    [
      "equal terms of one key become one list",
      disjunction([inList("pod:a", "x"), inList("pod:a", "y")]),
      'pod:a in {"x", "y"}',
    ],
    [
      "two exclusions become one",
      conjunction([negation(inList("pod:a", "x")), negation(inList("pod:a", "y"))]),
      '!pod:a in {"x", "y"}',
    ],
    ["a contradiction is nothing", conjunction([inList("pod:a", "x"), inList("pod:a", "y")]), "!all()"],
    [
      "a tautology is everything",
      disjunction([{ kind: "has", key: "pod:a" }, negation({ kind: "has", key: "pod:a" })]),
      "all()",
    ],
    [
      "a term inside another is left out",
      disjunction([inList("pod:a", "x"), conjunction([inList("pod:a", "x"), inList("pod:b", "y")])]),
      'pod:a == "x"',
    ],
    [
      "a list is filtered by a text operator",
      conjunction([inList("pod:a", "x", "y", "xy"), { kind: "startsWith", key: "pod:a", text: "x" }]),
      'pod:a in {"x", "xy"}',
    ],
    ["an empty list is nothing", { kind: "in", key: "pod:a", values: [] }, "!all()"],
  ])("%s", (_rule, selector, printed) => {
    expect(printSelector(toSelector(toTerms(selector).terms))).toBe(printed);
  });

  test("says that it is not complete instead of growing without bound", () => {
    const wide = conjunction(
      Array.from({ length: 9 }, (_, at) => disjunction([inList(`pod:k${at}`, "x"), inList(`pod:l${at}`, "y")])),
    );
    const form = toTerms(wide);

    expect({ isComplete: form.isComplete, count: form.terms.length }).toEqual({ isComplete: false, count: 128 });
  });
});

function inList(one: string, ...list: string[]): Selector {
  return { kind: "in", key: one, values: list };
}

describe("the algebra of terms", () => {
  const law = (
    name: string,
    check: (a: LabelTerms, b: LabelTerms, labels: ReadonlyMap<string, string>) => void,
  ): void => test(name, () => fc.assert(fc.property(terms, terms, labelSets, check), { numRuns: 300 }));

  law("a label set is in the intersection when it is in both", (a, b, labels) => {
    expect(matchesTerms(intersectTerms(a, b), labels)).toBe(matchesTerms(a, labels) && matchesTerms(b, labels));
  });
  law("it is in the union when it is in either", (a, b, labels) => {
    expect(matchesTerms(uniteTerms(a, b), labels)).toBe(matchesTerms(a, labels) || matchesTerms(b, labels));
  });
  law("it is in the difference when it is in the first alone", (a, b, labels) => {
    const rest = subtractTerms(a, b);
    if (rest.isComplete)
      expect(matchesTerms(rest.terms, labels)).toBe(matchesTerms(a, labels) && !matchesTerms(b, labels));
    else if (matchesTerms(rest.terms, labels)) expect(matchesTerms(a, labels) && !matchesTerms(b, labels)).toBe(true);
  });
  law("it is in the complement when it is not in the terms", (a, _b, labels) => {
    const rest = complementTerms(a);
    if (rest.isComplete) expect(matchesTerms(rest.terms, labels)).toBe(!matchesTerms(a, labels));
  });
  law("terms that say they do not overlap have nothing in common", (a, b, labels) => {
    if (!doOverlap(a, b)) expect(matchesTerms(a, labels) && matchesTerms(b, labels)).toBe(false);
  });
  law("a subset holds nothing else", (a, b, labels) => {
    if (isSubsetOfTerms(a, b) && matchesTerms(a, labels)) expect(matchesTerms(b, labels)).toBe(true);
  });
  law("leaving out what lies inside changes nothing", (a, b, labels) => {
    expect(matchesTerms(absorb([...a, ...b]), labels)).toBe(matchesTerms([...a, ...b], labels));
  });
});

describe("canonical keys", () => {
  test("are the same for the same selector written otherwise", () => {
    const a = disjunction([inList("pod:a", "y", "x"), conjunction([{ kind: "has", key: "pod:b" }, { kind: "all" }])]);
    const b: Selector = {
      kind: "or",
      operands: [
        negation(negation({ kind: "has", key: "pod:b" })),
        { kind: "or", operands: [inList("pod:a", "x", "y", "x")] },
      ],
    };

    expect(toCanonicalKey(a)).toBe(toCanonicalKey(b));
  });

  test("differ when the selectors decide differently", () => {
    fc.assert(
      fc.property(selectors, selectors, labelSets, (a, b, labels) => {
        if (matches(a, labels) !== matches(b, labels)) expect(toCanonicalKey(a)).not.toBe(toCanonicalKey(b));
      }),
    );
  });

  test("do not depend on simplification", () => {
    fc.assert(
      fc.property(selectors, (selector) => {
        expect(toCanonicalKey(simplifySelector(selector))).toBe(toCanonicalKey(selector));
      }),
    );
  });

  test.each<[string, Selector, string]>([
    ["double quotes", inList("pod:a", "x"), 'pod:a == "x"'],
    ["single quotes around a double quote", inList("pod:a", 'x"'), `pod:a == 'x"'`],
    ["sorted sets, each value once", inList("pod:a", "y", "x", "y"), 'pod:a in {"x", "y"}'],
    [
      "parentheses around every list",
      { kind: "and", operands: [{ kind: "has", key: "pod:a" }, { kind: "all" }] },
      "(has(pod:a) && all())",
    ],
  ])("print with %s", (_rule, selector, printed) => {
    expect(printSelector(selector)).toBe(printed);
  });
});

describe("a missing label", () => {
  test.each<[string, Selector, boolean]>([
    ["equals nothing", inList("pod:a", "x"), false],
    ["differs from everything", negation(inList("pod:a", "x")), true],
    ["is in no set", inList("pod:a"), false],
    ["is not there", { kind: "has", key: "pod:a" }, false],
    ["contains nothing, not even the empty text", { kind: "contains", key: "pod:a", text: "" }, false],
  ])("%s", (_rule, selector, expected) => {
    expect(matches(selector, new Map())).toBe(expected);
  });

  test("an empty value is there, and contains the empty text", () => {
    const labels = new Map([["pod:a", ""]]);

    expect(matches(inList("pod:a", ""), labels)).toBe(true);
    expect(matches({ kind: "startsWith", key: "pod:a", text: "" }, labels)).toBe(true);
  });
});
