import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../lib/core/json.ts";
import { printList } from "./print-kubectl.ts";

/** The size of a question that other analysers answer, too. */
export interface PeerSize {
  readonly pods: number;
  readonly policies: number;
}

const namespaces = 10;
const apps = 10;

/**
 * Two folders with the same pods and Kubernetes NetworkPolicies, but for one port of one policy. Each policy admits one
 * app of its namespace and one team's namespaces to another app.
 */
export function writePeerInput(folder: string, size: PeerSize): { readonly before: string; readonly after: string } {
  const before = join(folder, "before");
  const after = join(folder, "after");
  for (const [path, changed] of [
    [before, -1],
    [after, size.policies >> 1],
  ] as const) {
    mkdirSync(path, { recursive: true });
    write(path, "namespaces", Array.from({ length: namespaces }, makeNamespace));
    write(
      path,
      "pods",
      Array.from({ length: size.pods }, (_none, index) => makePod(index)),
    );
    write(
      path,
      "networkpolicies",
      Array.from({ length: size.policies }, (_none, index) => makePolicy(index, index === changed)),
    );
  }
  return { before, after };
}

function write(folder: string, name: string, items: readonly JsonObject[]): void {
  writeFileSync(join(folder, `${name}.yaml`), [...printList(items, "yaml")].join(""));
}

function makeNamespace(_none: unknown, index: number): JsonObject {
  const name = `ns-${index}`;
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels: { "kubernetes.io/metadata.name": name, team: `t${index % 5}` } },
  };
}

function makePod(index: number): JsonObject {
  const address = `10.0.${index >> 8}.${index & 255}`;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `pod-${index}`,
      namespace: `ns-${index % namespaces}`,
      labels: { app: `app-${Math.floor(index / namespaces) % apps}` },
    },
    spec: { containers: [{ name: "main", image: "registry.example/app:1.0.0" }] },
    status: { phase: "Running", hostIP: "192.168.0.1", podIP: address, podIPs: [{ ip: address }] },
  };
}

function makePolicy(index: number, isChanged: boolean): JsonObject {
  const ports = [{ protocol: "TCP", port: 1000 + (index % 50) + (isChanged ? 100 : 0) }];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: `policy-${index}`, namespace: `ns-${index % namespaces}` },
    spec: {
      podSelector: { matchLabels: { app: `app-${Math.floor(index / namespaces) % apps}` } },
      policyTypes: ["Ingress"],
      ingress: [
        { from: [{ podSelector: { matchLabels: { app: `app-${(index * 7) % apps}` } } }], ports },
        { from: [{ namespaceSelector: { matchLabels: { team: `t${index % 5}` } } }], ports },
      ],
    },
  };
}
