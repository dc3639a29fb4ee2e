import type { PolicyCaseSize } from "./policy-case.ts";

/** One question about policies. Goals are seconds on two idle cores, process start included, making the input not. */
export interface Scenario extends PolicyCaseSize {
  readonly name: string;
  readonly group: "policies" | "open-world" | "first-difference" | "mixed-phase";
  readonly goal?: { readonly seconds?: number; readonly megabytes?: number };
}

const large = { policies: 10_000, pods: 50_000, namespaces: 500 };

export const scenarios: readonly Scenario[] = [
  {
    group: "policies",
    name: "1,000 policies x 50,000 pods",
    policies: 1000,
    pods: 50_000,
    namespaces: 50,
    goal: { seconds: 1.5 },
  },
  { group: "policies", name: "10,000 policies x 50,000 pods", ...large, goal: { seconds: 8, megabytes: 600 } },
  {
    group: "policies",
    name: "12,000 policies in 1,000 namespaces, 3,500 pods",
    policies: 12_000,
    pods: 3500,
    namespaces: 1000,
  },
  {
    group: "policies",
    name: "4,800 policies over 240 namespaces, 12,000 pods",
    policies: 4800,
    pods: 12_000,
    namespaces: 240,
  },
  {
    group: "open-world",
    name: "1,000 policies, any pods",
    policies: 1000,
    pods: 0,
    namespaces: 50,
    goal: { seconds: 5 },
  },
  { group: "first-difference", name: "one policy of 10,000 lost, 50,000 pods", ...large },
  { group: "mixed-phase", name: "300 policies x 300 pods", policies: 300, pods: 300, namespaces: 15 },
  { group: "mixed-phase", name: "1,000 policies x 1,000 pods", policies: 1000, pods: 1000, namespaces: 50 },
  { group: "mixed-phase", name: "1,000 policies x 50,000 pods", policies: 1000, pods: 50_000, namespaces: 50 },
];
