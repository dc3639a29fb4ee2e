/** Nodes that are switched at a time after the first one, where the whole cluster is without a network anyway. */
export const outageBatch = 50;

/** A part of an outage. */
export interface OutagePart {
  readonly what: string;
  readonly seconds: number;
  /** How the number comes about. */
  readonly why: string;
}

/** How long an in-place migration cuts pods off. */
export interface Outage {
  readonly nodes: number;
  /** Pods with an address of their own. */
  readonly pods: number;
  readonly seconds: number;
  readonly parts: readonly OutagePart[];
}

const seconds = { removal: 90, clean: 45, agent: 75, pod: 2, proof: 120 } as const;

/**
 * Estimates the outage of an in-place migration: the first node alone, then `outageBatch` at a time; on each node cleaning,
 * the agent's start and the restart of every pod one after the other; nodes of a batch at the same time.
 *
 * `busiest` is the number of pods on the node with most of them. Images are on every node before. Nothing is added for
 * applications that take long to become ready.
 * Source: agent start of 20 to 60 s and sandbox restarts of a second or two in metachron's pilot, rounded up.
 */
export function estimateOutage(nodes: number, pods: number, busiest: number): Outage {
  const batches = nodes === 0 ? 0 : 1 + Math.ceil((nodes - 1) / outageBatch);
  const rounds = batches === 1 ? "one batch" : `${batches} batches`;
  const parts = [
    { what: "the source's agents are deleted, and nobody brings them back", seconds: seconds.removal, why: "once" },
    {
      what: "nodes are cleaned",
      seconds: batches * seconds.clean,
      why: `${rounds}, ${seconds.clean} s each: the first node alone, then ${outageBatch} at a time`,
    },
    { what: "agents start", seconds: batches * seconds.agent, why: `${rounds}, ${seconds.agent} s each` },
    {
      what: "every pod gets a new sandbox",
      seconds: batches * busiest * seconds.pod,
      why: `${rounds}, ${busiest} pods on the fullest node, ${seconds.pod} s each`,
    },
    { what: "the whole cluster is asked once more", seconds: seconds.proof, why: "once" },
  ];
  return { nodes, pods, seconds: parts.reduce((sum, part) => sum + part.seconds, 0), parts };
}
