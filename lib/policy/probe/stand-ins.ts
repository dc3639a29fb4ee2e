import { byAll, byText, compareText } from "../../core/order.ts";
import { ownNamespace } from "../../core/own-namespace.ts";
import type { Vocabulary } from "../space/vocabulary.ts";
import type { World, WorldPod } from "../space/world.ts";
import type { ProbePod } from "./probe-pack.ts";

/** A Service whose endpoints are its pods whether they are ready or not: `publishNotReadyAddresses`. */
export interface EagerService {
  readonly namespace: string;
  readonly name: string;
  readonly selector: Readonly<Record<string, string>>;
}

/** A pod of ours before it has an id. */
export type StandIn = Omit<ProbePod, "id">;

/** Which pods of a world can be stood in for. */
export interface StandIns {
  /** Sorted by namespace and workload, each kind of pod once. */
  readonly standIns: readonly StandIn[];
  /** Why no pod of ours may stand for some: by workload. */
  readonly refused: ReadonlyMap<string, string>;
}

/** Labels that the Job controller sets on the pods of a Job, and refuses in their template. */
const jobLabels = ["batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name"];

/**
 * The pods of a world as pods of ours would stand for them. They carry no label that no policy asks for, so that as little
 * as possible of what else selects pods finds them; where a Service would send traffic to them although they are never
 * ready, there is none.
 * Source: Kubernetes API reference, ServiceSpec.publishNotReadyAddresses; Job, "Pod's labels".
 */
export function standInsOf(world: World, vocabulary: Vocabulary, eager: readonly EagerService[]): StandIns {
  const known = new Map<string, StandIn>();
  const refused = new Map<string, string>();
  const asksForAccounts = [...vocabulary.keys.keys()].some(
    (key) => key.startsWith("sa:") || key === "meta:serviceaccount",
  );
  for (const pod of [...world.pods].sort(byWorkload)) {
    if (pod.namespace === ownNamespace) continue;
    const standIn = standInFor(pod, vocabulary, asksForAccounts);
    const why = whyUnsafe(standIn, eager);
    if (why !== undefined) refused.set(standIn.standsFor, why);
    else {
      const key = JSON.stringify({ ...standIn, standsFor: "" });
      if (!known.has(key)) known.set(key, standIn);
    }
  }
  return { standIns: [...known.values()], refused };
}

const byWorkload = byAll<WorldPod>(
  byText((pod) => pod.namespace),
  byText((pod) => pod.workload),
  byText((pod) => pod.name),
);

function standInFor(pod: WorldPod, vocabulary: Vocabulary, asksForAccounts: boolean): StandIn {
  const labels = Object.entries(pod.labels)
    .filter(([key]) => vocabulary.keys.has(`pod:${key}`))
    .sort(([a], [b]) => compareText(a, b));
  return {
    namespace: pod.namespace,
    ...(asksForAccounts && { serviceAccount: pod.serviceAccount }),
    labels: Object.fromEntries(labels),
    standsFor: `${pod.namespace}/${pod.workload}`,
    namedPorts: pod.namedPorts.filter(({ name }) => vocabulary.portNames.has(name)),
  };
}

function whyUnsafe({ namespace, labels }: StandIn, eager: readonly EagerService[]): string | undefined {
  const job = jobLabels.find((key) => key in labels);
  if (job !== undefined) return `policies ask for the label ${job}, which the Job controller keeps for itself`;
  const service = eager.find(
    (one) => one.namespace === namespace && Object.entries(one.selector).every(([key, value]) => labels[key] === value),
  );
  return service === undefined
    ? undefined
    : `Service ${service.namespace}/${service.name} sends traffic to pods that are not ready`;
}

/** A stand-in as policy sees it, with the labels that its Job's controller adds. */
export function standInPod(standIn: StandIn, name: string, address: string | undefined): WorldPod {
  return {
    namespace: standIn.namespace,
    name,
    labels: { ...standIn.labels, ...probeLabels },
    serviceAccount: standIn.serviceAccount ?? "default",
    addresses: address === undefined ? [] : [address],
    namedPorts: standIn.namedPorts,
    workload: standIn.standsFor,
  };
}

/** The labels that probe pods have beside those of the pods that they stand for; the values of the first two differ. */
const probeLabels = {
  "job-name": "metachron-probe",
  "controller-uid": "metachron-probe",
  "metachron.dev/probe": "pack",
};
