import { isJsonObject, type JsonObject } from "../lib/core/json.ts";
import type { RawObject } from "../lib/inventory/inventory.ts";
import type { World, WorldPod } from "../lib/policy/space/world.ts";
import { emptyWorld } from "../lib/policy/space/world-of.ts";

/** The size of a made-up set of policies and of the cluster they are for. */
export interface PolicyCaseSize {
  readonly policies: number;
  /** 0 for a world without an inventory. */
  readonly pods: number;
  readonly namespaces: number;
}

/** Calico policies and the world they stand in. */
export interface PolicyCase {
  readonly objects: readonly RawObject[];
  readonly world: World;
}

const apps = 20;
const teams = 10;

/**
 * The same for the same size: every namespace has policies for some of its twenty apps, each with two ingress rules (a
 * peer of the namespace, a team's namespaces) and two egress rules (DNS, one outside network); every hundredth policy is
 * global, with an order, and one in fifty denies something before it allows.
 */
export function makePolicyCase(size: PolicyCaseSize): PolicyCase {
  const objects = Array.from({ length: size.policies }, (_, index) => rawOf(makePolicy(index, size)));
  return { objects, world: makeWorld(size) };
}

/** An object as the inventory reader gives it. */
export function rawOf(object: JsonObject): RawObject {
  const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  const namespace = metadata["namespace"];
  return {
    apiVersion: text(object["apiVersion"]),
    kind: text(object["kind"]),
    name: text(metadata["name"]),
    ...(typeof namespace === "string" && { namespace }),
    labels: {},
    annotations: {},
    position: {},
    object,
  };
}

function makePolicy(index: number, { namespaces }: PolicyCaseSize): JsonObject {
  const app = Math.floor(index / namespaces) % apps;
  const isGlobal = index % 100 === 99;
  const port = 1000 + (index % 50);
  const deny = { action: "Deny", protocol: "TCP", destination: { ports: [port + 2] } };
  return {
    apiVersion: "projectcalico.org/v3",
    kind: isGlobal ? "GlobalNetworkPolicy" : "NetworkPolicy",
    metadata: { name: `policy-${index}`, ...(!isGlobal && { namespace: `ns-${index % namespaces}` }) },
    spec: {
      order: isGlobal ? 500 + index : 1500 + index,
      selector: isGlobal ? `tier == 'be' && app == 'app-${app}'` : `app == 'app-${app}'`,
      types: isGlobal ? ["Ingress"] : ["Ingress", "Egress"],
      ingress: [
        ...(index % 50 === 7 ? [deny] : []),
        {
          action: "Allow",
          protocol: "TCP",
          source: { selector: `app == 'app-${(index * 7) % apps}'` },
          destination: { ports: [port] },
        },
        {
          action: "Allow",
          protocol: "TCP",
          source: { namespaceSelector: `team == 't${index % teams}'` },
          destination: { ports: [port + 1] },
        },
      ],
      ...(!isGlobal && {
        egress: [
          {
            action: "Allow",
            protocol: "UDP",
            destination: { selector: "k8s-app == 'kube-dns'", namespaceSelector: "all()", ports: [53] },
          },
          { action: "Allow", protocol: "TCP", destination: { nets: [`192.0.${index % 200}.0/24`], ports: [443] } },
        ],
      }),
    },
  };
}

function makeWorld({ pods, namespaces }: PolicyCaseSize): World {
  const empty = emptyWorld({ sourcePodCIDRs: ["10.0.0.0/8"], targetPodCIDRs: ["100.64.0.0/10"] });
  if (pods === 0) return empty;
  return {
    ...empty,
    namespaces: new Map(
      Array.from({ length: namespaces }, (_, index) => [
        `ns-${index}`,
        { team: `t${index % teams}`, "kubernetes.io/metadata.name": `ns-${index}` },
      ]),
    ),
    serviceAccounts: new Map(Array.from({ length: namespaces }, (_, index) => [`ns-${index}/default`, {}])),
    pods: Array.from({ length: pods }, (_, index): WorldPod => {
      const app = `app-${Math.floor(index / namespaces) % apps}`;
      return {
        namespace: `ns-${index % namespaces}`,
        name: `pod-${index}`,
        labels: { app, tier: index % 3 === 0 ? "be" : "fe", "pod-template-hash": String(index % 997) },
        serviceAccount: "default",
        node: `node-${index % 500}`,
        addresses: [`10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`],
        namedPorts: [],
        workload: `Deployment/${app}`,
      };
    }),
    nodes: Array.from({ length: 500 }, (_, index) => ({
      name: `node-${index}`,
      labels: {},
      addresses: [`172.16.${index >> 8}.${index & 255}`],
      isControlPlane: index < 3,
    })),
    isInventoryKnown: true,
  };
}
