import type { Finding, Where } from "../core/finding.ts";
import { getString, type JsonObject, type JsonValue } from "../core/json.ts";
import { sortedUnique } from "../core/order.ts";
import { inventoryFinding } from "./findings.ts";

/** Documents of a file that are no Kubernetes objects: said once for each file. */
export function notKubernetes(file: string, count: number, where: Where): Finding {
  const what = count === 1 ? "a document" : `${count} documents`;
  return inventoryFinding("inventory/not-kubernetes", {
    message: `${file} has ${what} without apiVersion and kind, left out`,
    where,
    reason: "such a document is no Kubernetes object: Helm values, settings of a tool, a patch",
    remedy: "take it out of the input, or dump the objects with `kubectl get … -o yaml`",
    data: { documents: count },
  });
}

/** Two documents without a line `---` between them. */
export function missingSeparator(file: string, line: number): Finding {
  return inventoryFinding("inventory/missing-separator", {
    message: "another document starts here without a line `---` before it; it is read as one of its own",
    where: { file, line, column: 1 },
    reason: "most readers would take the two for one map with every key twice",
    remedy: "write each kubectl output to a file of its own, or put `---` between them",
  });
}

/** A part over the limit of `pieceLimit`. */
export function tooLarge(file: string, line: number): Finding {
  return inventoryFinding("inventory/too-large", {
    message: "one object or document is longer than 64 million characters and is left out",
    where: { file, line, column: 1 },
    reason: "no object in a cluster is that long; the layout of the list may be one that cannot be cut",
    remedy: "write the dump with `kubectl get … -o json`",
  });
}

/** A YAML list without the `kind: List` that kubectl writes last; `lost` is the item that is left out. */
export function truncatedList(file: string, where: Where, lost: JsonValue | undefined): Finding {
  const name = getString(lost, "metadata", "name");
  const kind = getString(lost, "kind");
  const left =
    name === undefined ? "its last item is left out" : `its last item, ${kind ?? "object"} ${name}, is left out`;
  return inventoryFinding("inventory/truncated", {
    message: `${file} ends in the middle of a list (it has no \`kind: List\`); ${left}`,
    where,
    reason:
      "kubectl writes the kind after the items, so the file was cut off: the last object may be half there, more may be missing",
    remedy: "write the dump again and let it finish",
  });
}

/** A JSON text whose brackets are not all closed. */
export function truncated(file: string, line: number, isInList: boolean): Finding {
  return inventoryFinding("inventory/truncated", {
    message: `${file} ends in the middle of ${isInList ? "a list" : "an object"}; what it ends in is left out`,
    where: { file, line, column: 1 },
    reason: "a bracket is never closed: the file was cut off, and more may be missing",
    remedy: "write the dump again and let it finish",
  });
}

/** An item of a list that is no object. */
export function nullItem(where: Where): Finding {
  return inventoryFinding("inventory/null-item", {
    message: "an item of the list is no object and is left out",
    where,
    remedy: "write the dump again",
  });
}

/** A document with `items` whose kind is no list. */
export function itemsWithoutList(kind: string, where: Where): Finding {
  return inventoryFinding("inventory/items-without-list", {
    message: `a document of kind ${kind} has items; they are read as the items of a list`,
    where,
    remedy: "write `kind: List`, or each item as a document",
  });
}

/** A list with two keys `items`. */
export function secondItemsKey(where: Where): Finding {
  return inventoryFinding("inventory/duplicate-key", {
    message: "the list has `items` twice; the second one is not read",
    where,
    remedy: "make one list of the two",
  });
}

/** An empty list; `plural` is the resource it is taken for. */
export function emptyList(plural: string | undefined, where: Where): Finding {
  if (plural !== undefined) return emptyLists([plural], where);
  return inventoryFinding("inventory/empty-list", {
    message: "an empty list does not say of which kind it is",
    where,
    reason: "so the kind counts as not asked for, and what depends on it as not checked",
    remedy: "name the file after the resource, for example poddisruptionbudgets.yaml",
  });
}

function emptyLists(resources: readonly string[], where: Where): Finding {
  const one = resources.length === 1;
  return inventoryFinding("inventory/empty-list", {
    message: `${one ? "an empty list is" : `${resources.length} empty lists are each`} taken for what the file's name or its first comment says: the cluster has no ${resources.join(", ")}`,
    where,
    data: { resources: [...resources] },
  });
}

/** The same findings with those about empty lists whose kind is known told as one, at the place of the first. */
export function foldEmptyLists(findings: readonly Finding[]): Finding[] {
  const resourcesOf = ({ code, data }: Finding): readonly string[] =>
    code === "inventory/empty-list" ? ((data?.["resources"] as readonly string[] | undefined) ?? []) : [];
  const known = findings.filter((finding) => resourcesOf(finding).length > 0);
  const [first] = known;
  if (first?.where === undefined) return [...findings];
  const all = emptyLists(sortedUnique(known.flatMap(resourcesOf)), first.where);
  return findings.flatMap((finding) => (finding === first ? [all] : known.includes(finding) ? [] : [finding]));
}

/** A Status object in place of what was asked for. */
export function apiStatus(value: JsonObject, where: Where): Finding {
  const text = getString(value, "message") ?? "no message";
  return inventoryFinding("inventory/kubectl-message", {
    message: `the file holds an answer of the API server in place of objects: ${text}`,
    where,
    reason: "what was asked for is not in the inventory",
    remedy: "run the command again with an account that may read it",
  });
}

/** A Table object of the API server. */
export function tableObject(where: Where): Finding {
  return inventoryFinding("inventory/kubectl-table", {
    message: "the document is a Table as the API server makes it for kubectl's screen output",
    where,
    reason: "a table leaves out nearly every field",
    remedy: "run `kubectl get … -o yaml`",
  });
}

/** A kustomization file among the input. */
export function kustomization(where: Where): Finding {
  return inventoryFinding("inventory/kustomization", {
    message: "the input has a kustomization, which is left out",
    where,
    reason:
      "the files it names may be patches that look like whole objects; only the built output is what the cluster gets",
    remedy: "give the output of `kustomize build`, or a dump of the cluster",
  });
}
