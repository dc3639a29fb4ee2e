import { byAll, byText, sortedUnique } from "../../core/order.ts";
import type { CalicoPolicySet } from "../calico/model.ts";
import type { Half, PolicySide } from "../prove/policy-side.ts";
import type { FlowEnd, ProofDifference, Witness } from "../prove/proof.ts";
import { provePolicies } from "../prove/prove-policies.ts";
import { replayWitness } from "../prove/replay-witness.ts";
import type { World } from "../space/world.ts";

/** One connection between two pods, and whether it must work. */
export interface Probe {
  /** `p01`: in the order of the pack. */
  readonly id: string;
  readonly from: FlowEnd;
  readonly to: FlowEnd;
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly port: number;
  readonly expected: { readonly before: "allow" | "deny"; readonly after: "allow" | "deny" };
  /** What it shows: `GlobalNetworkPolicy/mesh ingress[0] allows`. Sorted. */
  readonly shows: readonly string[];
}

/** A pack of probes, and the rules that no probe of existing pods can show. */
export interface ProbePack {
  readonly probes: readonly Probe[];
  /** Rules that decide nothing among the pods of the inventory with a port to connect to, with what cannot be shown. */
  readonly notShown: readonly { readonly rule: string; readonly verdict: "allow" | "deny"; readonly why: string }[];
}

/** What probes are chosen for. */
export interface ProbeInput {
  readonly before: PolicySide;
  readonly after: PolicySide;
  readonly world: World;
}

/**
 * Picks connections between pods of the inventory so that each rule of the source, each end of a tier and each open default
 * that decides anything decides one allowed and one denied probe where there is one; probes that show several rules are
 * taken once. Verdicts are those of both halves, before and after. Empty for a source without policy.
 */
export function planProbes(input: ProbeInput): ProbePack {
  if (input.before.engine === "none") return { probes: [], notShown: [] };
  const seen = new Map<string, { witness: Witness; shows: Set<string> }>();
  const notShown: { rule: string; verdict: "allow" | "deny"; why: string }[] = [];
  for (const { witness, half, before } of decisionsOf(input)) {
    const why = whyNotShown(witness, half, before.verdict, input);
    if (why !== undefined) {
      notShown.push({ rule: before.decidedBy, verdict: before.verdict, why });
      continue;
    }
    const key = [witness.from.name, witness.to.name, witness.protocol, witness.port].join("|");
    const known = seen.get(key) ?? { witness, shows: new Set<string>() };
    known.shows.add(`${before.decidedBy} ${before.verdict === "allow" ? "allows" : "denies"}`);
    seen.set(key, known);
  }
  const width = String(seen.size).length;
  const probes = [...seen.entries()].sort(byText(([key]) => key)).map(
    ([, { witness, shows }], index): Probe => ({
      id: `p${String(index + 1).padStart(width, "0")}`,
      from: named(witness.from),
      to: named(witness.to),
      protocol: witness.protocol === "UDP" || witness.protocol === "SCTP" ? witness.protocol : "TCP",
      port: witness.port ?? 0,
      expected: {
        before: verdictOf(witness, input.before, input.world),
        after: verdictOf(witness, input.after, input.world),
      },
      shows: sortedUnique(shows),
    }),
  );
  return {
    probes,
    notShown: notShown.sort(
      byAll(
        byText((entry) => entry.rule),
        byText((entry) => entry.verdict),
      ),
    ),
  };
}

/** One witness for each rule and verdict: what differs from a network without policy is denied, from one that denies all is allowed. */
function decisionsOf({ before, world }: ProbeInput): readonly ProofDifference[] {
  const against = (after: PolicySide): readonly ProofDifference[] =>
    provePolicies({ before, after, world, mode: "closed" }).differences;
  return [...against({ engine: "none" }), ...against({ engine: "calico", policies: denyAll })];
}

const identity = { apiVersion: "projectcalico.org/v3", kind: "GlobalNetworkPolicy", name: "deny-all" };

const denyAll: CalicoPolicySet = {
  tiers: [{ name: "default", order: 1_000_000, defaultAction: "Deny", exists: true }],
  policies: [
    {
      identity,
      position: {},
      origin: "GlobalNetworkPolicy",
      isStaged: false,
      tier: "default",
      order: 1,
      tieBreak: "deny-all",
      appliesTo: { kind: "all" },
      governs: { ingress: true, egress: true },
      ingress: [],
      egress: [],
      doNotTrack: false,
      preDNAT: false,
      applyOnForward: false,
      annotations: {},
    },
  ],
  networkSets: [],
  hostEndpoints: [],
  profiles: [],
};

/** Only what a pod can do to another pod is run: everything else is shown by the proof alone. */
function whyNotShown(witness: Witness, half: Half, verdict: "allow" | "deny", input: ProbeInput): string | undefined {
  if (witness.from.kind !== "pod" || witness.to.kind !== "pod") return "no two pods of the inventory meet it";
  if (witness.port === undefined) return "it decides no port that a pod can connect to";
  if (witness.sourcePort !== undefined || witness.http !== undefined)
    return "it looks at source ports or HTTP requests";
  if (verdict === "deny") return undefined;
  const other = half === "ingress" ? "egress" : "ingress";
  const decision = replayWitness(witness, other, input.before, input.world);
  return decision?.verdict === "deny" ? `the other end denies the same packet: ${decision.decidedBy}` : undefined;
}

function verdictOf(witness: Witness, side: PolicySide, world: World): "allow" | "deny" {
  const halves = (["egress", "ingress"] as const).map((half) => replayWitness(witness, half, side, world)?.verdict);
  return halves.includes("deny") ? "deny" : "allow";
}

/** Addresses change when a pod moves: a probe is run between names. */
function named({ kind, name }: FlowEnd): FlowEnd {
  return { kind, name };
}
