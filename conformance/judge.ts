import type { JsonObject } from "../lib/core/json.ts";
import { type LineProgram, startProgram } from "./json-lines.ts";

/** One half of a flow as the judge reads it; see `policy/main.go`. */
export interface Question {
  readonly half: "ingress" | "egress";
  readonly pod: string;
  readonly peerPod?: string;
  readonly peerAddress?: string;
  readonly protocol: number;
  readonly port?: number;
  readonly sourcePort?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

/** A world as the judge reads it. */
export interface JudgedWorld {
  readonly id: string;
  readonly namespaces: readonly JsonObject[];
  readonly serviceAccounts: readonly JsonObject[];
  readonly pods: readonly JsonObject[];
  readonly remoteNodes: readonly string[];
  readonly tiers?: readonly { readonly name: string; readonly defaultAction: string }[];
  readonly calico?: readonly JsonObject[];
  readonly cilium?: readonly JsonObject[];
  readonly settings: {
    readonly ipv6: boolean;
    readonly policyDefaultLocalCluster: boolean;
    readonly nodeSelectorLabels: boolean;
  };
  readonly questions: readonly Question[];
}

/** The engines' answer: a letter per question, `a` allowed, `d` denied, `-` not asked; and what each engine refuses. */
export interface Verdicts {
  readonly id: string;
  readonly calico?: string;
  readonly calicoRejected?: readonly { readonly object: string; readonly reason: string }[];
  readonly cilium?: string;
  readonly ciliumRejected?: readonly { readonly object: string; readonly reason: string }[];
  readonly error?: string;
}

/** The judge as a running process: worlds in, verdicts out, in the same order. */
export type Judge = LineProgram<JudgedWorld, Verdicts>;

/** Starts the judge that `npm run conformance` built. */
export function startJudge(binary: string): Judge {
  return startProgram<JudgedWorld, Verdicts>(binary);
}
