import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { JsonObject } from "../../../lib/core/json.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";

/** One vector of the fixture. */
export interface Vector {
  readonly id: string;
  readonly title: string;
  readonly class: "E" | "C" | "wrong";
  readonly raw: boolean;
  readonly isLocalClusterOff: boolean;
  readonly calico: readonly JsonObject[];
  readonly cilium: readonly JsonObject[];
  readonly k8s: readonly JsonObject[];
  readonly flows: readonly VectorFlow[];
}

/** One flow with the verdict of each engine. */
export interface VectorFlow {
  readonly text: string;
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  /** Port, or ICMP type. */
  readonly value: number;
  readonly calico: "allow" | "deny";
  readonly cilium: "allow" | "deny";
}

/** All vectors of `policy-vectors.yaml`. */
export function readVectors(): Vector[] {
  const file = join(import.meta.dirname, "../../fixtures/policy/policy-vectors.yaml");
  const document = parse(readFileSync(file, "utf8"), { version: "1.1" }) as { vectors: Record<string, unknown>[] };
  return document.vectors.map((entry) => ({
    id: String(entry["id"]),
    title: String(entry["title"]),
    class: entry["class"] as Vector["class"],
    raw: entry["raw"] === true,
    isLocalClusterOff: entry["anycluster"] === true,
    calico: (entry["calico"] as JsonObject[] | undefined) ?? [],
    cilium: (entry["cilium"] as JsonObject[] | undefined) ?? [],
    k8s: (entry["k8s"] ?? entry["knp"] ?? []) as JsonObject[],
    flows: (entry["flows"] as string[]).map(parseFlow),
  }));
}

function parseFlow(text: string): VectorFlow {
  const [pair = "", packet = "", calico = "", cilium] = text.split(/\s+/u);
  const [from = "", to = ""] = pair.split(">");
  const [protocol = "", value = ""] = packet.split("/");
  const verdict = (word: string): "allow" | "deny" => (word === "allow" ? "allow" : "deny");
  return { text, from, to, protocol, value: Number(value), calico: verdict(calico), cilium: verdict(cilium ?? calico) };
}

const pod = (
  name: string,
  namespace: string,
  labels: Readonly<Record<string, string>>,
  address: string,
  namedPorts: WorldPod["namedPorts"] = [],
): WorldPod => ({
  namespace,
  name,
  labels,
  serviceAccount: "default",
  node: "own",
  addresses: [address],
  namedPorts,
  workload: name,
});

/** The fixture that all vectors share. */
export function vectorWorld(isLocalClusterOff = false): World {
  const empty = emptyWorld({ sourcePodCIDRs: ["10.0.0.0/16"], targetPodCIDRs: ["10.245.0.0/16"] });
  const namespace = (name: string, labels: Readonly<Record<string, string>>): [string, Record<string, string>] => [
    name,
    { ...labels, "kubernetes.io/metadata.name": name },
  ];
  return {
    ...empty,
    namespaces: new Map([
      namespace("a", { team: "x" }),
      namespace("b", { team: "y1", env: "prod" }),
      namespace("k", { team: "sys" }),
    ]),
    serviceAccounts: new Map([
      ["a/default", {}],
      ["b/default", {}],
      ["k/default", {}],
    ]),
    pods: [
      pod("web", "a", { app: "web", tier: "fe" }, "10.0.0.1", [{ name: "http", protocol: "TCP", port: 8080 }]),
      pod("cli", "a", { app: "cli" }, "10.0.0.2"),
      pod("bat", "a", { app: "batch-7" }, "10.0.0.6"),
      pod("oth", "b", { app: "cli", zone: "z1" }, "10.0.1.3"),
      pod("db", "b", { app: "db" }, "10.0.1.4"),
      pod("dns", "k", { "k8s-app": "kube-dns" }, "10.0.2.5"),
    ],
    nodes: [
      { name: "own", labels: {}, addresses: ["172.16.0.1"], isControlPlane: true },
      { name: "rnode", labels: {}, addresses: ["172.16.0.2"], isControlPlane: false },
    ],
    cilium: { ...empty.cilium, sctp: true, policyDefaultLocalCluster: !isLocalClusterOff },
    isInventoryKnown: true,
  };
}

/** Addresses of the ends that are no pods. */
export const vectorAddresses: Readonly<Record<string, string>> = {
  ext1: "192.0.2.10",
  ext2: "198.51.100.5",
  rnode: "172.16.0.2",
};
