import { parseArgs } from "node:util";
import fc from "fast-check";
import type { JsonObject } from "../lib/core/json.ts";
import type { PolicySide } from "../lib/policy/prove/policy-side.ts";
import { replayWitness } from "../lib/policy/prove/replay-witness.ts";
import type { World } from "../lib/policy/space/world.ts";
import { naiveCalico } from "../test/policy/naive/naive-calico.ts";
import { naiveCilium } from "../test/policy/naive/naive-cilium.ts";
import type { NaiveFlow } from "../test/policy/naive/naive-flow.ts";
import { someCalico, someCilium, someWorld } from "../test/policy/support/generators.ts";
import { gridOf, type Judge as NaiveJudge, witnessOfFlow } from "../test/policy/support/grid.ts";
import { calicoSide, ciliumSide } from "../test/policy/support/sides.ts";
import { binaryOf } from "./build.ts";
import { type Emitted, emittedFor } from "./emitted.ts";
import { type Judge, type Question, startJudge, type Verdicts } from "./judge.ts";
import { judgedWorld, questionOf } from "./judged-world.ts";

/** What was compared and where it differed. */
export interface Tally {
  /** Flow verdicts of an engine that were compared with ours, or engine against engine. */
  calico: number;
  cilium: number;
  translation: number;
  worlds: number;
  readonly disagreements: string[];
}

/** A flow with its question: flows that no engine can be asked are left out. */
interface Asked {
  readonly flow: NaiveFlow;
  readonly question: Question;
}

function askedOf(world: World): Asked[] {
  return [...gridOf(world)].flatMap((flow) => {
    const question = questionOf(flow);
    return question === undefined ? [] : [{ flow, question }];
  });
}

/**
 * Orders that are told apart by themselves: between equal ones the release of the module (3.28) and the one that we model
 * (3.32) choose differently, and the product refuses to choose.
 */
function withDistinctOrders(objects: readonly JsonObject[]): JsonObject[] {
  return objects.map((object, index) => {
    const spec = object["spec"] as JsonObject;
    if (object["kind"] !== "GlobalNetworkPolicy" && !String(object["apiVersion"]).includes("projectcalico"))
      return object;
    if (object["kind"] !== "GlobalNetworkPolicy" && object["kind"] !== "NetworkPolicy") return object;
    const order = typeof spec["order"] === "number" ? spec["order"] + index / 100 : 5000 + index;
    return { ...object, spec: { ...spec, order } };
  });
}

const tiers = [
  { name: "sec", defaultAction: "Deny" },
  { name: "soft", defaultAction: "Pass" },
  { name: "default", defaultAction: "Deny" },
];

function letter(verdict: string | undefined): string {
  return verdict === "allow" ? "a" : "d";
}

function describe(
  kind: string,
  asked: Asked,
  ours: string,
  engine: string,
  objects: readonly JsonObject[],
  seed: string,
): string {
  return JSON.stringify({ kind, seed, question: asked.question, ours, engine, objects });
}

async function calicoRound(
  judge: Judge,
  world: World,
  objects: readonly JsonObject[],
  id: string,
  tally: Tally,
): Promise<void> {
  const asked = askedOf(world);
  const emitted = emittedFor(world, objects);
  const verdicts = await judge.ask({
    ...judgedWorld(world, id),
    tiers,
    calico: objects,
    ...(emitted !== undefined && { cilium: emitted.objects }),
    questions: asked.map((one) => one.question),
  });
  if (verdicts.error !== undefined) throw new Error(`${id}: ${verdicts.error}`);
  const judged = { asked, engine: verdicts.calico ?? "", objects, id };
  tally.calico += compareModels("Calico", judged, naiveCalico, calicoSide(objects), world, tally);
  if (emitted !== undefined) compareTranslation(judged, emitted, verdicts, tally);
}

interface Judged {
  readonly asked: readonly Asked[];
  /** The engine's letters, one per flow. */
  readonly engine: string;
  readonly objects: readonly JsonObject[];
  readonly id: string;
}

/** Holds both of our models against an engine: the naive one on every flow, the fast one on a share. */
function compareModels(
  name: string,
  { asked, engine, objects, id }: Judged,
  naive: NaiveJudge,
  side: PolicySide,
  world: World,
  tally: Tally,
): number {
  let compared = 0;
  for (const [index, one] of asked.entries()) {
    const theirs = engine[index] ?? "-";
    if (theirs === "-") continue;
    compared += 1;
    const ours = letter(naive(objects, world, one.flow));
    if (ours !== theirs) tally.disagreements.push(describe(`naive model and ${name}`, one, ours, theirs, objects, id));
    if (index % 97 !== 0) continue;
    const fast = letter(replayWitness(witnessOfFlow(one.flow), one.flow.half, side, world)?.verdict);
    if (fast !== theirs) tally.disagreements.push(describe(`model and ${name}`, one, fast, theirs, objects, id));
  }
  return compared;
}

function compareTranslation({ asked, objects, id }: Judged, emitted: Emitted, verdicts: Verdicts, tally: Tally): void {
  for (const refused of verdicts.ciliumRejected ?? [])
    tally.disagreements.push(JSON.stringify({ kind: "Cilium refuses what we emit", seed: id, refused, objects }));
  for (const [index, one] of asked.entries()) {
    const [before, after] = [verdicts.calico?.[index] ?? "-", verdicts.cilium?.[index] ?? "-"];
    if (before === "-" || after === "-") continue;
    tally.translation += 1;
    const isWrong = emitted.isExact ? before !== after : before === "d" && after === "a";
    const kind = `translation (${emitted.isExact ? "exact" : "partial"})`;
    if (isWrong) tally.disagreements.push(describe(kind, one, after, before, [...objects, ...emitted.objects], id));
  }
}

async function ciliumRound(
  judge: Judge,
  world: World,
  objects: readonly JsonObject[],
  id: string,
  tally: Tally,
): Promise<void> {
  const asked = askedOf(world);
  const questions = asked.map((one) => one.question);
  const verdicts = await judge.ask({ ...judgedWorld(world, id), cilium: objects, questions });
  if (verdicts.error !== undefined) throw new Error(`${id}: ${verdicts.error}`);
  const judged = { asked, engine: verdicts.cilium ?? "", objects, id };
  const side = ciliumSide(objects, world.cilium, true);
  tally.cilium += compareModels("Cilium", judged, naiveCilium, side, world, tally);
}

/** Plays rounds until so many verdicts are compared, or a thousand disagree. */
export async function playRounds(judge: Judge, seed: number, verdicts: number): Promise<Tally> {
  const tally: Tally = { calico: 0, cilium: 0, translation: 0, worlds: 0, disagreements: [] };
  for (let batch = 0; comparedOf(tally) < verdicts && tally.disagreements.length < 1000; batch += 1) {
    const cases = fc.sample(fc.tuple(someWorld, someCalico, someCilium), { seed: seed + batch, numRuns: 20 });
    for (const [index, [world, calico, cilium]] of cases.entries()) {
      const id = `${seed + batch}:${index}`;
      await calicoRound(judge, world, withDistinctOrders(calico), id, tally);
      await ciliumRound(judge, world, cilium, id, tally);
      tally.worlds += 1;
    }
  }
  return tally;
}

/** How many verdicts were compared. */
export function comparedOf(tally: Tally): number {
  return tally.calico + tally.cilium + tally.translation;
}

/** What the rounds did, in words. */
export function sayRounds(tally: Tally, seed: number): string[] {
  return [
    `seed ${seed}, ${tally.worlds} worlds, ${comparedOf(tally)} verdicts`,
    `our Calico model against Calico: ${tally.calico} verdicts`,
    `our Cilium model against Cilium: ${tally.cilium} verdicts`,
    `Calico against Cilium with what we emit: ${tally.translation} verdicts`,
    `disagreements: ${tally.disagreements.length}`,
  ];
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      judge: { type: "string" },
      verdicts: { type: "string", default: "200000" },
      seed: { type: "string" },
      show: { type: "string", default: "5" },
    },
  });
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  const judge = startJudge(values.judge ?? binaryOf("policy"));
  const tally = await playRounds(judge, seed, Number(values.verdicts));
  await judge.close();
  for (const line of sayRounds(tally, seed)) console.log(line);
  for (const line of tally.disagreements.slice(0, Number(values.show))) console.log(line);
  return tally.disagreements.length === 0 ? 0 : 1;
}

if (process.argv[1] === import.meta.filename) process.exitCode = await main();
