import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../lib/core/json.ts";

/** What the stand-in answers: to `get <resource>` a list, or the error that the API server would give. */
export interface StandInCluster {
  /** By resource, as it is asked for: `configmaps`, `globalnetworkpolicies.crd.projectcalico.org`. */
  readonly lists: Readonly<Record<string, readonly JsonObject[]>>;
  /** Resource to what kubectl prints on standard error. */
  readonly errors?: Readonly<Record<string, string>>;
  /** Lines of `get nodes -o jsonpath=…`: name, unschedulable, Ready, since. */
  readonly nodeLines?: readonly string[];
  /** Whether the API server does not answer at all. */
  readonly isDown?: boolean;
}

/**
 * Puts a `kubectl` into `folder/bin` that answers from files and notes every call in `folder/calls`. It is no proof of how an
 * API server behaves: it shows what a command asks for, and what it prints of the answer.
 */
export function installKubectl(
  folder: string,
  { lists, errors = {}, nodeLines = [], isDown = false }: StandInCluster,
): string {
  const [bin, data] = [join(folder, "bin"), join(folder, "cluster")];
  mkdirSync(bin, { recursive: true });
  mkdirSync(data, { recursive: true });
  for (const [resource, items] of Object.entries(lists))
    writeFileSync(join(data, `${resource}.json`), JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  for (const [resource, text] of Object.entries(errors)) writeFileSync(join(data, `${resource}.error`), `${text}\n`);
  writeFileSync(join(data, "node-lines"), nodeLines.map((line) => `${line}\n`).join(""));
  writeFileSync(
    join(data, "resources"),
    [...Object.keys(lists), ...Object.keys(errors)].map((name) => `${name}\n`).join(""),
  );
  writeFileSync(join(bin, "kubectl"), isDown ? noServer : script(folder, data));
  chmodSync(join(bin, "kubectl"), 0o755);
  return bin;
}

const noServer = `#!/bin/sh
echo 'The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?' >&2
exit 1
`;

function script(folder: string, data: string): string {
  return `#!/bin/sh
echo "$*" >>'${folder}/calls'
cd '${data}' || exit 1
while [ "$#" -gt 0 ]; do
  case "$1" in
    --context) shift 2 ;;
    version) echo '{"serverVersion":{"major":"1","minor":"33","gitVersion":"v1.33.4"}}'; exit 0 ;;
    api-resources) cat resources; exit 0 ;;
    get) shift; break ;;
    *) shift ;;
  esac
done
resource=$1
case "$*" in *jsonpath*) jsonpath=yes ;; *) jsonpath=no ;; esac
if [ -f "$resource.error" ]; then cat "$resource.error" >&2; exit 1; fi
if [ "$resource" = nodes ] && [ "$jsonpath" = yes ]; then cat node-lines; exit 0; fi
if [ -f "$resource.json" ]; then cat "$resource.json"; exit 0; fi
echo 'error: the server does not have a resource type "'"$resource"'"' >&2
exit 1
`;
}
