import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { readCalicoPolicies } from "../lib/policy/calico/read-calico-policies.ts";
import { readCiliumPolicies } from "../lib/policy/cilium/read-cilium-policies.ts";
import { provePolicies } from "../lib/policy/prove/prove-policies.ts";
import { translatePolicies } from "../lib/policy/translate/translate-policies.ts";
import { makePolicyCase, type PolicyCaseSize, rawOf } from "./policy-case.ts";

/** One line of the table. Budgets are seconds of wall clock on two idle cores, process start included, making the input not. */
interface Scenario extends PolicyCaseSize {
  readonly name: string;
  readonly mode: "closed" | "open";
  /** One rule is wrong, and the comparison stops at the first difference. */
  readonly stopsAtFirst?: boolean;
  readonly budgetSeconds?: number;
  readonly budgetMB?: number;
}

const scenarios: readonly Scenario[] = [
  { name: "1,000 x 50,000", policies: 1000, pods: 50_000, namespaces: 50, mode: "closed", budgetSeconds: 1.5 },
  {
    name: "10,000 x 50,000",
    policies: 10_000,
    pods: 50_000,
    namespaces: 500,
    mode: "closed",
    budgetSeconds: 8,
    budgetMB: 600,
  },
  { name: "12,000 in 1,000 namespaces", policies: 12_000, pods: 3500, namespaces: 1000, mode: "closed" },
  { name: "4,800 in 240 namespaces", policies: 4800, pods: 12_000, namespaces: 240, mode: "closed" },
  { name: "open world, 1,000", policies: 1000, pods: 0, namespaces: 50, mode: "open", budgetSeconds: 5 },
  {
    name: "first difference, 10,000 x 50,000",
    policies: 10_000,
    pods: 50_000,
    namespaces: 500,
    mode: "closed",
    stopsAtFirst: true,
  },
];

/** What one scenario took: seconds of wall clock and of CPU, peak memory in MB. */
interface Measure {
  readonly read: number;
  readonly translate: number;
  readonly readBack: number;
  readonly prove: number;
  readonly total: number;
  readonly cpu: number;
  readonly peakMB: number;
  readonly flows: number;
  readonly differences: number;
}

function measure(scenario: Scenario): Measure {
  const made = makePolicyCase(scenario);
  const makingSeconds = process.uptime();
  const makingCPU = cpuSeconds();
  const marks: number[] = [];
  const timed = <T>(step: () => T): T => {
    const start = performance.now();
    const value = step();
    marks.push((performance.now() - start) / 1000);
    return value;
  };
  const set = timed(() => readCalicoPolicies(made.objects)).value;
  if (set === undefined) throw new Error("the policies were not read");
  const translation = timed(() => translatePolicies(set, made.world));
  const outputs = translation.policies.flatMap(({ outputs: own }) => own.map(({ object }) => rawOf(object)));
  if (scenario.stopsAtFirst === true) outputs.splice(outputs.length >> 1, 1);
  const after = timed(() => readCiliumPolicies(outputs, made.world.cilium)).value;
  if (after === undefined) throw new Error("the translation was not read back");
  const proof = timed(() =>
    provePolicies({
      before: { engine: "calico", policies: set },
      after: { engine: "cilium", policies: after },
      world: made.world,
      mode: scenario.mode,
      ...(scenario.stopsAtFirst === true && { stopAfter: 1 }),
    }),
  );
  const [read = 0, translate = 0, readBack = 0, prove = 0] = marks;
  return {
    read,
    translate,
    readBack,
    prove,
    total: process.uptime() - makingSeconds + made.startSeconds,
    cpu: cpuSeconds() - makingCPU,
    peakMB: process.resourceUsage().maxRSS / 1024,
    flows: proof.world.flows,
    differences: proof.differences.length,
  };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function runInChild(index: number): Measure {
  const self = fileURLToPath(import.meta.url);
  const child = spawnSync(process.execPath, ["--import", "tsx", self, String(index)], { encoding: "utf8" });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout) as Measure;
}

function printRow(scenario: Scenario, found: Measure): void {
  const seconds = (value: number): string => value.toFixed(2).padStart(6);
  const isLate = scenario.budgetSeconds !== undefined && found.total > scenario.budgetSeconds;
  const isBig = scenario.budgetMB !== undefined && found.peakMB > scenario.budgetMB;
  console.log(
    [
      scenario.name.padEnd(34),
      seconds(found.read),
      seconds(found.translate),
      seconds(found.readBack),
      seconds(found.prove),
      seconds(found.total),
      seconds(found.cpu),
      String(Math.round(found.peakMB)).padStart(6),
      found.flows.toExponential(1).padStart(9),
      String(found.differences).padStart(5),
      isLate || isBig ? " OVER BUDGET" : "",
    ].join(" "),
  );
}

const [index] = process.argv.slice(2);
const chosen = index === undefined ? undefined : scenarios[Number(index)];
if (chosen !== undefined) {
  console.log(JSON.stringify(measure(chosen)));
} else {
  console.log(
    [
      "scenario".padEnd(34),
      "  read",
      " trans",
      "  back",
      " prove",
      " total",
      "   cpu",
      "    MB",
      "    flows",
      " diff",
    ].join(" "),
  );
  scenarios.forEach((scenario, place) => {
    printRow(scenario, runInChild(place));
  });
}
