import type { JsonObject } from "../lib/core/json.ts";
import type { World } from "../lib/policy/space/world.ts";
import {
  readVectors,
  type Vector,
  type VectorFlow,
  vectorAddresses,
  vectorWorld,
} from "../test/policy/support/vectors.ts";
import { emittedFor } from "./emitted.ts";
import type { Judge, JudgedWorld, Question, Verdicts } from "./judge.ts";
import { judgedWorld } from "./judged-world.ts";
import { tiersOf } from "./policy-corpus.ts";
import { type Ledger, type Outcome, openLedger } from "./step.ts";

const protocols: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, sctp: 132 };

/** Both engines decide every flow of the vectors, from the objects in the file and from what we emit for them. */
export async function judgeVectors(judge: Judge): Promise<Outcome> {
  const ledger = openLedger();
  const vectors = readVectors();
  const unjudged: string[] = [];
  let flows = 0;
  for (const vector of vectors) {
    flows += vector.flows.length;
    const world = vectorWorld(vector.isLocalClusterOff);
    await judgeWritten(judge, vector, world, ledger);
    const isTranslated = await judgeEmitted(judge, vector, world, ledger);
    if (!isTranslated) unjudged.push(`${vector.id}: no translation of ours to judge`);
  }
  return ledger.outcome([`${vectors.length} vectors, ${flows} flows, each by both engines`], unjudged);
}

/** The objects of the file, decided as the file says. */
async function judgeWritten(judge: Judge, vector: Vector, world: World, ledger: Ledger): Promise<void> {
  const { calico, cilium } = objectsOf(vector);
  const asked = vector.flows.map((flow) => questionsOf(flow, world));
  const verdicts = await judge.ask(paper(vector, world, calico, cilium, asked));
  const name = `vector ${vector.id}`;
  for (const problem of problemsOf(verdicts)) ledger.check(false, `${name}: ${problem}`);
  for (const [index, flow] of vector.flows.entries()) {
    const [theirCalico, theirCilium] = decided(verdicts, asked, index);
    ledger.check(
      theirCalico === flow.calico,
      `${name} ${flow.text}: Calico says ${theirCalico}, the file ${flow.calico}`,
    );
    ledger.check(
      theirCilium === flow.cilium,
      `${name} ${flow.text}: Cilium says ${theirCilium}, the file ${flow.cilium}`,
    );
  }
}

/** What we emit for Calico's objects of the file, decided by Cilium as Calico decides them; false where there is nothing to ask. */
async function judgeEmitted(judge: Judge, vector: Vector, world: World, ledger: Ledger): Promise<boolean> {
  const { calico } = objectsOf(vector);
  const emitted = vector.calico.length === 0 ? undefined : emittedFor(world, calico);
  if (emitted === undefined) return false;
  const asked = vector.flows.map((flow) => questionsOf(flow, world));
  const verdicts = await judge.ask(paper(vector, world, calico, emitted.objects, asked));
  const name = `translation of vector ${vector.id}`;
  for (const problem of problemsOf(verdicts)) ledger.check(false, `${name}: ${problem}`);
  for (const [index, flow] of vector.flows.entries()) {
    const [before, after] = decided(verdicts, asked, index);
    const isGood = emitted.isExact ? before === after : !(before === "deny" && after === "allow");
    ledger.check(isGood, `${name} ${flow.text}: Calico says ${before}, Cilium ${after}`);
  }
  return true;
}

function objectsOf(vector: Vector): { readonly calico: readonly JsonObject[]; readonly cilium: readonly JsonObject[] } {
  const kubernetes = vector.k8s.map((object) => ({ ...object, apiVersion: "networking.k8s.io/v1" }));
  const group = vector.raw ? "crd.projectcalico.org/v1" : "projectcalico.org/v3";
  const calico = vector.calico.map((object) => ({ ...object, apiVersion: group }));
  const cilium = vector.cilium.map((object) => ({ ...object, apiVersion: "cilium.io/v2" }));
  return { calico: [...calico, ...kubernetes], cilium: [...cilium, ...kubernetes] };
}

function paper(
  vector: Vector,
  world: World,
  calico: readonly JsonObject[],
  cilium: readonly JsonObject[],
  asked: readonly (readonly Question[])[],
): JudgedWorld {
  return { ...judgedWorld(world, vector.id), tiers: tiersOf(calico), calico, cilium, questions: asked.flat() };
}

/** The halves of a flow: one at each end that is a pod. */
function questionsOf(flow: VectorFlow, world: World): Question[] {
  const protocol = protocols[flow.protocol] ?? 0;
  const packet = { protocol, ...(flow.protocol === "icmp" ? { icmpType: flow.value } : { port: flow.value }) };
  const half = (name: "egress" | "ingress", own: string, other: string): Question[] => {
    const pod = world.pods.find((one) => one.name === own);
    if (pod === undefined) return [];
    const peer = world.pods.find((one) => one.name === other);
    const peerPod = peer === undefined ? {} : { peerPod: `${peer.namespace}/${peer.name}` };
    const peerAddress = peer?.addresses[0] ?? vectorAddresses[other] ?? "";
    return [{ half: name, pod: `${pod.namespace}/${pod.name}`, ...peerPod, peerAddress, ...packet }];
  };
  return [...half("egress", flow.from, flow.to), ...half("ingress", flow.to, flow.from)];
}

/** A flow passes when both of its halves do. */
function decided(verdicts: Verdicts, asked: readonly (readonly Question[])[], index: number): [string, string] {
  const start = asked.slice(0, index).reduce((sum, one) => sum + one.length, 0);
  const letters = (engine: string | undefined): string => {
    const own = (engine ?? "").slice(start, start + (asked[index]?.length ?? 0));
    if (own === "" || own.includes("-")) return "nothing";
    return own.includes("d") ? "deny" : "allow";
  };
  return [letters(verdicts.calico), letters(verdicts.cilium)];
}

function problemsOf(verdicts: Verdicts): string[] {
  return [
    ...(verdicts.error === undefined ? [] : [verdicts.error]),
    ...(verdicts.calicoRejected ?? []).map(({ object, reason }) => `Calico refuses ${object}: ${reason}`),
    ...(verdicts.ciliumRejected ?? []).map(({ object, reason }) => `Cilium refuses ${object}: ${reason}`),
  ];
}
