import type { JsonObject } from "../lib/core/json.ts";
import { type LineProgram, startProgram } from "./json-lines.ts";

/** One request to the manifest judge; see `manifests/main.go`. */
export type ManifestRequest =
  | {
      readonly render: {
        readonly chart: string;
        readonly values: string;
        readonly release: string;
        readonly namespace: string;
        readonly kubeVersion: string;
      };
    }
  | { readonly kustomize: { readonly folder: string } }
  | { readonly schemas: { readonly name: string; readonly openAPI?: string; readonly crds?: readonly string[] } }
  | { readonly validate: { readonly catalogues: readonly string[]; readonly object: JsonObject } };

/** What the libraries said; `error` where they refused. */
export interface ManifestAnswer {
  readonly files?: Readonly<Record<string, string>>;
  readonly output?: string;
  readonly problems?: readonly string[];
  readonly kinds?: number;
  readonly error?: string;
}

/** Helm, kustomize and the API server's schema code as a running process. */
export type ManifestJudge = LineProgram<ManifestRequest, ManifestAnswer>;

/** Starts the judge that `npm run conformance` built. */
export function startManifestJudge(binary: string): ManifestJudge {
  return startProgram<ManifestRequest, ManifestAnswer>(binary);
}
