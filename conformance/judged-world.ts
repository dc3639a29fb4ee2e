import type { JsonObject } from "../lib/core/json.ts";
import type { World } from "../lib/policy/space/world.ts";
import { type NaiveFlow, podAddress } from "../test/policy/naive/naive-flow.ts";
import type { JudgedWorld, Question } from "./judge.ts";

/** A world of the tests in the form of Kubernetes' own objects, as both engines take it. */
export function judgedWorld(world: World, id: string): Omit<JudgedWorld, "questions"> {
  return {
    id,
    namespaces: [...world.namespaces].map(([name, labels]) => ({ metadata: { name, labels } })),
    serviceAccounts: [...world.serviceAccounts].map(([key, labels]) => {
      const [namespace = "", name = ""] = key.split("/");
      return { metadata: { namespace, name, labels } };
    }),
    pods: world.pods.map(
      (pod): JsonObject => ({
        metadata: { namespace: pod.namespace, name: pod.name, labels: pod.labels },
        spec: {
          serviceAccountName: pod.serviceAccount,
          containers: [
            {
              name: "c",
              ports: pod.namedPorts.map(({ name, port, protocol }) => ({ name, containerPort: port, protocol })),
            },
          ],
        },
        status: { phase: "Running", podIP: pod.addresses[0] ?? "", podIPs: pod.addresses.map((ip) => ({ ip })) },
      }),
    ),
    remoteNodes: world.nodes.flatMap((node) => [...node.addresses]),
    settings: {
      ipv6: world.families.includes(6),
      policyDefaultLocalCluster: world.cilium.policyDefaultLocalCluster,
      nodeSelectorLabels: world.cilium.nodeSelectorLabels,
    },
  };
}

/** A flow as a question; `undefined` for the pod's own node, whose verdict neither engine's policy gives. */
export function questionOf(flow: NaiveFlow): Question | undefined {
  if (flow.peer.kind === "host") return undefined;
  const isPod = flow.peer.kind === "pod";
  // Pods with two families are asked by address, so that the family is the flow's.
  const address = flow.peer.kind === "pod" ? podAddress(flow.peer.pod, flow.family) : flow.peer.address;
  if (address === undefined) return undefined;
  return {
    half: flow.half,
    pod: `${flow.subject.namespace}/${flow.subject.name}`,
    ...(isPod && flow.peer.kind === "pod" && { peerPod: `${flow.peer.pod.namespace}/${flow.peer.pod.name}` }),
    peerAddress: address,
    protocol: flow.protocol,
    ...(flow.port !== undefined && { port: flow.port }),
    ...(flow.sourcePort !== undefined && { sourcePort: flow.sourcePort }),
    ...(flow.icmpType !== undefined && { icmpType: flow.icmpType }),
    ...(flow.icmpCode !== undefined && { icmpCode: flow.icmpCode }),
  };
}
