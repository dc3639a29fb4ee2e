import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { binaryOf, buildProgram, goVersion } from "./build.ts";
import { judgeCharts } from "./chart-checks.ts";
import { startJudge } from "./judge.ts";
import { judgeKustomize } from "./kustomize-checks.ts";
import { startManifestJudge } from "./manifest-judge.ts";
import { fetchModules, type ModuleFolders } from "./modules.ts";
import { judgeMutants } from "./mutation.ts";
import { judgeNodeConfigs } from "./node-config-checks.ts";
import { judgeObjects } from "./object-checks.ts";
import { judgeCorpus } from "./policy-corpus.ts";
import { comparedOf, playRounds, sayRounds } from "./policy-rounds.ts";
import { judgeVectors } from "./policy-vectors.ts";
import { judgeByServer } from "./server-checks.ts";
import { type Outcome, openLedger, type Step } from "./step.ts";

const usage = `npm run conformance -- [--verdicts N] [--seed N] [--mutants N] [--tree FOLDER] [--report FILE] [--only NAME,…]

  --verdicts N   flow verdicts of random worlds to compare (400000; every night: 10000000)
  --seed N       seed of the random worlds (the clock; it is printed)
  --tree FOLDER  the tree whose objects are judged (dist)
  --report FILE  writes {"passed", "failed", "steps"} as JSON
  --mutants N    every so manieth wrong change is tried (none; every night: 1)
  --only NAMES   only steps whose names begin so; builds are made all the same
`;

/** Go and modules are missing: nothing was judged. */
const cannotJudge = 2;

const { values } = parseArgs({
  options: {
    verdicts: { type: "string", default: "400000" },
    seed: { type: "string" },
    tree: { type: "string", default: "dist" },
    mutants: { type: "string" },
    report: { type: "string" },
    only: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

/** Most failures of one step that are shown; the rest is counted. */
const shown = 20;

interface Done {
  readonly name: string;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
}

async function runStep({ name, run }: Step): Promise<Done> {
  const start = performance.now();
  let outcome: Outcome;
  try {
    outcome = await run();
  } catch (error) {
    outcome = { passed: 0, failures: [`the step ended early: ${String(error)}`], said: [] };
  }
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  const { passed, failures, said, unjudged = [] } = outcome;
  console.log(
    `${failures.length === 0 ? "ok  " : "FAIL"} ${name}: ${passed} passed, ${failures.length} failed (${seconds} s)`,
  );
  for (const line of said) console.log(`       ${line}`);
  for (const line of unjudged) console.log(`       not judged: ${line}`);
  for (const line of failures.slice(0, shown)) console.log(`     - ${line}`);
  if (failures.length > shown) console.log(`     … and ${failures.length - shown} more`);
  return { name, seconds, passed, failed: failures.length };
}

function buildStep(program: Parameters<typeof buildProgram>[0], what: string): Step {
  return {
    name: `build ${program}`,
    run: () => {
      const ledger = openLedger();
      const problem = buildProgram(program);
      ledger.check(problem === undefined, problem ?? "");
      return ledger.outcome([what]);
    },
  };
}

/** The steps after the builds; each program is started by the step that asks it and ends with it. */
function judgingSteps(modules: ModuleFolders): readonly Step[] {
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  const withJudge = (run: (judge: ReturnType<typeof startJudge>) => Promise<Outcome>) => async (): Promise<Outcome> => {
    const judge = startJudge(binaryOf("policy"));
    return run(judge).finally(() => judge.close());
  };
  const withManifests =
    (run: (judge: ReturnType<typeof startManifestJudge>) => Promise<Outcome>) => async (): Promise<Outcome> => {
      const judge = startManifestJudge(binaryOf("manifests"));
      return run(judge).finally(() => judge.close());
    };
  return [
    { name: "policy vectors", run: withJudge(judgeVectors) },
    { name: "policy corpus", run: withJudge(judgeCorpus) },
    {
      name: "policy rounds",
      run: withJudge(async (judge) => {
        const tally = await playRounds(judge, seed, Number(values.verdicts));
        const { disagreements } = tally;
        const passed = comparedOf(tally) > 0 && disagreements.length === 0 ? 1 : 0;
        return { passed, failures: disagreements, said: sayRounds(tally, seed) };
      }),
    },
    { name: "chart", run: withManifests((judge) => judgeCharts(judge, modules, values.tree)) },
    { name: "objects", run: withManifests((judge) => judgeObjects(judge, modules, values.tree)) },
    { name: "API server", run: () => judgeByServer(binaryOf("cluster"), modules, values.tree) },
    {
      name: "node configurations",
      run: withManifests((judge) => {
        const binaries = { cluster: binaryOf("cluster"), program: binaryOf("policy/nodeconfig") };
        return judgeNodeConfigs(binaries, judge, modules, values.tree);
      }),
    },
    { name: "kustomize", run: withManifests((judge) => judgeKustomize(judge, values.tree)) },
    ...(values.mutants === undefined
      ? []
      : [{ name: "mutation", run: () => judgeMutants(Number(values.mutants), seed) }]),
  ];
}

function isWanted(name: string): boolean {
  const names = values.only?.split(",");
  return names === undefined || names.some((one) => name.startsWith(one));
}

/** Fetches the modules; what the Go client said where it cannot. */
function modulesStep(found: Map<string, string>): Step {
  return {
    name: "charts and schemas",
    run: () => {
      const ledger = openLedger();
      for (const [name, folder] of fetchModules()) {
        ledger.check(folder !== "", `${name} was not fetched`);
        found.set(name, folder);
      }
      return ledger.outcome([`${found.size} Go modules, none of them compiled`]);
    },
  };
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const version = goVersion();
  if (version === undefined) {
    console.error("conformance needs Go 1.26 or newer, with its module proxy in reach: https://go.dev/dl");
    console.error("Nothing was judged. The product itself needs no Go.");
    return cannotJudge;
  }
  console.log(`The vendors' own code judges what we write (${version}, node ${process.version}).`);
  const modules = new Map<string, string>();
  const done: Done[] = [];
  const preparing = [
    buildStep("policy", "Calico's calculation graph (3.28) and Cilium's policy repository (1.20.2)"),
    buildStep("manifests", "Helm 4.2.4, kustomize api 0.21.1, the API server's schema code 0.36.4"),
    buildStep("policy/nodeconfig", "the configuration resolver of Cilium 1.20.2"),
    buildStep("cluster", "kube-apiserver 1.36.3 and etcd 3.6.8"),
    modulesStep(modules),
  ];
  for (const step of preparing) done.push(await runStep(step));
  if (done.every(({ failed }) => failed === 0))
    for (const step of judgingSteps(modules)) if (isWanted(step.name)) done.push(await runStep(step));
  const sum = (key: "passed" | "failed" | "seconds"): number => done.reduce((total, one) => total + one[key], 0);
  const [passed, failed] = [sum("passed"), sum("failed")];
  if (values.report !== undefined)
    writeFileSync(values.report, `${JSON.stringify({ passed, failed, steps: done }, null, 2)}\n`);
  console.log(`${Math.round(sum("seconds"))} s in all`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
