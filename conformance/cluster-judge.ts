import type { JsonObject } from "../lib/core/json.ts";
import { type LineProgram, startProgram } from "./json-lines.ts";

/** One request to the cluster judge; see `cluster/main.go`. */
export type ClusterRequest =
  | { readonly definitions: { readonly files: readonly string[] } }
  | {
      readonly send: {
        readonly verb: "apply" | "create" | "delete";
        readonly object: JsonObject;
        readonly dryRun?: boolean;
      };
    }
  | { readonly kubeconfig: { readonly user: string; readonly groups: readonly string[] } };

/** What the API server said; `error` where it refused. */
export interface ClusterAnswer {
  readonly kinds?: number;
  readonly path?: string;
  readonly warnings?: readonly string[];
  readonly error?: string;
}

/** A real kube-apiserver with a real etcd, as a running process. */
export type ClusterJudge = LineProgram<ClusterRequest, ClusterAnswer>;

/** Starts the judge that `npm run conformance` built; its servers listen on loopback, in a folder that goes with the process. */
export function startClusterJudge(binary: string): ClusterJudge {
  return startProgram<ClusterRequest, ClusterAnswer>(binary);
}
