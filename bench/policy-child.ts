import { planExactBridge } from "../lib/policy/bridge/exact-bridge.ts";
import { proveMixedPhase } from "../lib/policy/bridge/prove-mixed-phase.ts";
import type { CalicoPolicySet } from "../lib/policy/calico/model.ts";
import { readCalicoPolicies } from "../lib/policy/calico/read-calico-policies.ts";
import type { CiliumPolicySet } from "../lib/policy/cilium/model.ts";
import { readCiliumPolicies } from "../lib/policy/cilium/read-cilium-policies.ts";
import { provePolicies } from "../lib/policy/prove/prove-policies.ts";
import { translatePolicies } from "../lib/policy/translate/translate-policies.ts";
import { makePolicyCase, type PolicyCase, rawOf } from "./policy-case.ts";
import { type Scenario, scenarios } from "./policy-scenarios.ts";

/**
 * Answers one scenario and prints one line of JSON. The recorder counts the whole process, so what making the input took
 * is told beside the answer, to be taken off again.
 */
const scenario = scenarios[Number(process.argv[2])];
if (scenario === undefined) throw new Error(`no scenario ${process.argv[2]}`);
const before = usage();
const made = makePolicyCase(scenario);
const after = usage();
const result = answer(scenario, made);
console.log(
  JSON.stringify({
    makingSeconds: after.seconds - before.seconds,
    makingUserSeconds: after.userSeconds - before.userSeconds,
    result,
  }),
);

function usage(): { readonly seconds: number; readonly userSeconds: number } {
  return { seconds: process.uptime(), userSeconds: process.cpuUsage().user / 1e6 };
}

function answer(asked: Scenario, { objects, world }: PolicyCase): string {
  const marks: string[] = [];
  const timed = <T>(name: string, step: () => T): T => {
    const start = performance.now();
    const value = step();
    marks.push(`${name} ${((performance.now() - start) / 1000).toFixed(2)}`);
    return value;
  };
  const set = timed("read", () => mustRead(readCalicoPolicies(objects).value));
  const isMixed = asked.group === "mixed-phase";
  const translation = timed("translate", () =>
    translatePolicies(set, world, isMixed ? { bridge: { sourcePodCIDRs: world.podCIDRs.source } } : {}),
  );
  const outputs = translation.policies.flatMap(({ outputs: own }) => own.map(({ object }) => rawOf(object)));
  if (asked.group === "first-difference") outputs.splice(outputs.length >> 1, 1);
  const target = timed("read back", () => mustRead(readCiliumPolicies(outputs, world.cilium).value));
  if (isMixed) {
    const proof = timed("prove mixed phase", () => proveMixed(objects, set, target, world));
    return [
      ...marks,
      `${proof.classes} classes, ${proof.flows.toExponential(1)} flows, ${proof.differences.length} differences`,
    ].join(", ");
  }
  const proof = timed("prove", () =>
    provePolicies({
      before: { engine: "calico", policies: set },
      after: { engine: "cilium", policies: target },
      world,
      mode: asked.group === "open-world" ? "open" : "closed",
      ...(asked.group === "first-difference" && { stopAfter: 1 }),
    }),
  );
  return [...marks, `${proof.world.flows.toExponential(1)} flows, ${proof.differences.length} differences`].join(", ");
}

function proveMixed(
  objects: PolicyCase["objects"],
  set: CalicoPolicySet,
  target: CiliumPolicySet,
  world: PolicyCase["world"],
): ReturnType<typeof proveMixedPhase> {
  const bridge = planExactBridge(set, world, { group: "projectcalico.org/v3", hasCalico: true, hasTiers: true });
  const mirrors = bridge.mirrors.map(({ object }) => rawOf(object));
  const admits = mustRead(
    readCiliumPolicies(
      bridge.cilium.map(({ object }) => rawOf(object)),
      world.cilium,
    ).value,
  );
  return proveMixedPhase({
    source: { engine: "calico", policies: set },
    sourceDuring: { engine: "calico", policies: mustRead(readCalicoPolicies([...objects, ...mirrors]).value) },
    target: { engine: "cilium", policies: target },
    targetDuring: { engine: "cilium", policies: { ...target, rules: [...target.rules, ...admits.rules] } },
    world,
    continuity: "exact",
  });
}

function mustRead<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the policies were not read");
  return value;
}
