import { parseDocument } from "yaml";
import { isJsonObject, type JsonObject } from "../core/json.ts";

/** What came of reading a text inside an object: the value, or why there is none, in one short line. */
export type Reading = { readonly value: JsonObject } | { readonly problem: string };

/** Reads a JSON object out of a field; says what is wrong, with line and column inside the text, when it is none. */
export function readJson(text: string): Reading {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? { value } : { problem: "it is not a JSON object" };
  } catch {
    // The words of JSON.parse change with the Node release; those of the yaml package are pinned by our lock file.
    const [error] = parseDocument(text, { logLevel: "silent" }).errors;
    return { problem: error === undefined ? "it is not JSON" : firstLine(error) };
  }
}

/** Reads a YAML mapping out of a field (the configurations of kube-proxy, kubeadm and Antrea). */
export function readYaml(text: string): Reading {
  const document = parseDocument(text, { logLevel: "silent" });
  const [error] = document.errors;
  if (error !== undefined) return { problem: firstLine(error) };
  try {
    const value: unknown = document.toJS({ maxAliasCount: 20 });
    return isJsonObject(value) ? { value } : { problem: "it is not a YAML mapping" };
  } catch (bomb) {
    return { problem: firstLine(bomb) };
  }
}

/**
 * Reads a CNI configuration template: Calico's install container fills words such as `__CNI_MTU__` in later, and bare
 * ones are no JSON; they are read as 0.
 * Source: projectcalico/calico v3.31.7 manifests/canal.yaml.
 */
export function readConfListTemplate(text: string): Reading {
  return readJson(text.replace(/(:\s*)__[A-Z0-9_]+__/gu, "$10"));
}

/**
 * Reads OVN-Kubernetes' configuration file: sections in brackets and `key = value`, quotes allowed. Keys are given as
 * `section.key`. Comments start with `#` or `;`.
 * Source: ovn-kubernetes go-controller/pkg/config (gcfg).
 */
export function readSections(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let section = "";
  for (const line of text.split(/\r?\n/u)) {
    const trimmed = line.trim();
    const header = /^\[(.+)\]$/u.exec(trimmed);
    if (header?.[1] !== undefined) section = header[1].trim();
    const entry = /^([A-Za-z0-9_-]+)\s*=\s*(.*)$/u.exec(trimmed);
    if (entry?.[1] !== undefined) values.set(`${section}.${entry[1]}`, (entry[2] ?? "").replace(/^"(.*)"$/u, "$1"));
  }
  return values;
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : "it cannot be read";
  return message.split("\n")[0] ?? message;
}
