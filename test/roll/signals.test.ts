import { expect, test } from "vitest";
import { judgementOf, signalsOf } from "../../lib/roll/signals.ts";
import { samplePlan } from "./sample.ts";

test.each([
  ["a plain value means yes unless it is 0", "up", "non-zero"],
  ["a comparison drops what is false: any answer means yes, also 0", 'sum(errors{job!="x"}) == 0', "non-empty"],
  ["a comparison with bool answers 0 or 1", "sum(errors) == bool 0", "non-zero"],
  ["one comparison of several without bool", "(a > bool 1) and (b < 2)", "non-empty"],
  ["matchers and strings are no comparisons", "rate(x{a=~\"b>c\", d!='e'}[5m])", "non-zero"],
  ["nor are comments", "up # == 0", "non-zero"],
])("%s", (_rule, query, judgement) => {
  expect(judgementOf(query)).toBe(judgement);
});

test("signals carry the user's texts so that no shell, kubelet or Flux can read anything into them", () => {
  const roll = {
    ...samplePlan.spec.roll,
    goldpinger: { url: "http://goldpinger.goldpinger:8080/", healthyAnswers: 5 },
    prometheus: { url: "http://prom:9090/${x}" },
    serviceLevelGates: [{ name: "p99 $(rm) `x`", query: 'x{a="${b}"} > 1 # it\'s' }],
  };

  expect(signalsOf({ ...samplePlan, spec: { ...samplePlan.spec, roll } })).toEqual([
    {
      name: "signal-goldpinger",
      arguments: ["goldpinger"],
      env: { METACHRON_GOLDPINGER_URL: "http://goldpinger.goldpinger:8080", METACHRON_HEALTHY_ANSWERS: "5" },
    },
    {
      name: "signal-slo-1",
      arguments: ["query", "p99 __rm_ _x_"],
      env: {
        METACHRON_PROMETHEUS_URL: "http://prom:9090/%24{x}",
        METACHRON_QUERY: "x%7Ba%3D%22%24%7Bb%7D%22%7D%20%3E%201%20%23%20it%27s",
        METACHRON_JUDGEMENT: "non-empty",
      },
    },
  ]);
});
