import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { JsonObject } from "../lib/core/json.ts";

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
export interface Judge {
  readonly ask: (world: JudgedWorld) => Promise<Verdicts>;
  readonly close: () => Promise<void>;
}

/** Starts the judge that `npm run conformance` built. */
export function startJudge(binary: string): Judge {
  const child = spawn(binary, [], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting: { readonly resolve: (verdicts: Verdicts) => void; readonly reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.resolve(JSON.parse(line) as Verdicts));
  const ended = new Promise<void>((resolve) => {
    child.on("exit", (code) => {
      for (const one of waiting.splice(0)) one.reject(new Error(`the judge ended with code ${code}`));
      resolve();
    });
  });
  return {
    ask: (world) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin.write(`${JSON.stringify(world)}\n`);
      }),
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
