import type { Finding, Where } from "../core/finding.ts";
import { getString, isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { classifyText } from "./classify-text.ts";
import { type Collector, readVersion, type ValueSource } from "./collect-objects.ts";
import {
  apiStatus,
  emptyList,
  itemsWithoutList,
  kustomization,
  missingSeparator,
  notKubernetes,
  nullItem,
  secondItemsKey,
  tableObject,
  tooLarge,
  truncated,
  truncatedList,
} from "./file-findings.ts";
import { createFieldFinder } from "./find-field-position.ts";
import { guessKindOfEmptyList } from "./kind-names.ts";
import { createPieceParser, type PieceParser } from "./parse-piece.ts";
import type { PieceSink, TextPiece } from "./text-piece.ts";

/** Takes the parts of one file. */
export interface FileReader {
  readonly sink: PieceSink;
  /** What is to be said of the file once it has been read. */
  readonly end: () => readonly Finding[];
}

interface Item {
  readonly value: JsonValue;
  readonly source: ValueSource;
}

/** The state of one file: items are held until it is known that their list is whole, and what kind its items have. */
interface FileState {
  readonly name: string;
  readonly collector: Collector;
  readonly parser: PieceParser;
  readonly findings: Finding[];
  /** The latest item: the last one of a broken list must not be taken for whole. */
  last: Item | undefined;
  /** Items without a kind of their own: the list tells it. */
  kindless: Item[];
  itemCount: number;
  /** Whether an item of the present list looks like a Kubernetes object. */
  hasObjects: boolean;
  readonly listStart: { where: Where | undefined };
  readonly notKubernetes: { count: number; where: Where | undefined };
}

/** A reader of one file that gives what it finds to the collector. */
export function createFileReader(name: string, collector: Collector): FileReader {
  const state: FileState = {
    name,
    collector,
    parser: createPieceParser(),
    findings: [],
    last: undefined,
    kindless: [],
    itemCount: 0,
    hasObjects: false,
    listStart: { where: undefined },
    notKubernetes: { count: 0, where: undefined },
  };
  return {
    sink: {
      document: (piece) => readDocument(state, piece),
      item: (piece) => readItem(state, piece),
      endList: (header) => endList(state, header),
      missingSeparator: ({ line }) => state.findings.push(missingSeparator(name, line)),
      truncated: ({ line, isInList }) => readTruncated(state, line, isInList),
      tooLarge: ({ line }) => state.findings.push(tooLarge(name, line)),
    },
    end: () => {
      const { count, where } = state.notKubernetes;
      return where === undefined ? state.findings : [...state.findings, notKubernetes(name, count, where)];
    },
  };
}

function readDocument(state: FileState, piece: TextPiece): void {
  state.parser.startDocument();
  const textClass = classifyText(piece.text, { file: state.name, line: piece.line, column: piece.column });
  if (textClass?.kind === "finding") state.findings.push(textClass.finding);
  else if (textClass?.kind === "no-resources") seeEmptyList(state, piece);
  else {
    const { value, where, findings } = state.parser.parse(state.name, piece);
    state.findings.push(...findings);
    if (value !== undefined && value !== null) addValue(state, value, { where, piece, path: "" });
  }
}

function readItem(state: FileState, piece: TextPiece): void {
  if (state.itemCount === 0) {
    state.parser.startDocument();
    state.listStart.where = { file: state.name, line: piece.line, column: 1 };
  }
  state.itemCount += 1;
  releaseLast(state);
  const { value, where, findings } = state.parser.parse(state.name, piece);
  state.findings.push(...findings);
  if (value === undefined) return;
  state.last = { value, source: { where, piece, path: "" } };
  if (isJsonObject(value)) state.hasObjects ||= value["apiVersion"] !== undefined || value["metadata"] !== undefined;
}

function releaseLast(state: FileState): void {
  const item = state.last;
  state.last = undefined;
  if (item === undefined) return;
  const isKindless =
    isJsonObject(item.value) && item.value["kind"] === undefined && item.value["metadata"] !== undefined;
  if (isKindless) state.kindless.push(item);
  else addItem(state, item);
}

function addItem(state: FileState, item: Item): void {
  if (isJsonObject(item.value)) addValue(state, item.value, item.source);
  else state.findings.push(nullItem(item.source.where));
}

function endList(state: FileState, header: TextPiece): void {
  const { value, where, findings } = state.parser.parse(state.name, header);
  const head = isJsonObject(value) ? value : {};
  const kind = getString(head, "kind");
  if (kind !== undefined || /^kind:/mu.test(header.text)) {
    releaseLast(state);
    state.findings.push(...findings);
    if (kind?.endsWith("List") === false) state.findings.push(itemsWithoutList(kind, where));
    if (Array.isArray(head["items"]) && head["items"].length > 0) state.findings.push(secondItemsKey(where));
  } else if (state.hasObjects) {
    // kubectl writes `kind: List` after the items: a list without it has been cut off.
    const lost = state.last;
    state.last = undefined;
    const lostWhere = lost?.source.where ?? state.listStart.where ?? { file: state.name };
    state.findings.push(truncatedList(state.name, lostWhere, lost?.value));
  } else {
    state.last = undefined;
    countNotKubernetes(state, where);
  }
  finishList(state, { kind, apiVersion: getString(head, "apiVersion"), header });
}

interface ListHead {
  readonly kind: string | undefined;
  readonly apiVersion: string | undefined;
  readonly header: TextPiece;
}

function finishList(state: FileState, { kind, apiVersion, header }: ListHead): void {
  const itemKind = kind?.endsWith("List") === true ? kind.slice(0, -"List".length) : "";
  for (const item of state.kindless) {
    const own = item.value as JsonObject;
    const value = itemKind === "" ? own : { apiVersion: apiVersion ?? "v1", kind: itemKind, ...own };
    addValue(state, value, item.source);
  }
  if (itemKind !== "") state.collector.seeKind(itemKind, apiVersion ?? "v1");
  else if (state.itemCount === 0 && kind === "List") seeEmptyList(state, header);
  state.kindless = [];
  state.itemCount = 0;
  state.hasObjects = false;
}

function readTruncated(state: FileState, line: number, isInList: boolean): void {
  releaseLast(state);
  state.findings.push(truncated(state.name, line, isInList));
  finishList(state, { kind: undefined, apiVersion: undefined, header: { text: "", line, column: 1 } });
}

/** An object, a list inside a document, or something else: each goes where it belongs. */
function addValue(state: FileState, value: JsonValue, source: ValueSource): void {
  if (!isJsonObject(value)) {
    countNotKubernetes(state, source.where);
    return;
  }
  const version = readVersion(value);
  if (version !== undefined) {
    state.collector.addVersion(version, source.where);
    return;
  }
  const kind = getString(value, "kind");
  const apiVersion = getString(value, "apiVersion");
  if (kind === "Status" && apiVersion === "v1") state.findings.push(apiStatus(value, source.where));
  else if (kind === "Table" && apiVersion?.startsWith("meta.k8s.io/") === true)
    state.findings.push(tableObject(source.where));
  else if (isKustomization(value, state.name)) state.findings.push(kustomization(source.where));
  else if (kind === undefined || apiVersion === undefined || kind === "" || apiVersion === "")
    countNotKubernetes(state, source.where);
  else if (kind.endsWith("List") && (Array.isArray(value["items"]) || value["items"] === null))
    addList(state, value, source);
  else state.collector.addObject(value, source);
}

function addList(state: FileState, list: JsonObject, source: ValueSource): void {
  const kind = String(list["kind"]);
  const apiVersion = String(list["apiVersion"]);
  const items = Array.isArray(list["items"]) ? list["items"] : [];
  const { piece, path } = source;
  const find = createFieldFinder(piece.text, { file: state.name, line: piece.line, column: piece.column });
  items.forEach((item: JsonValue, index) => {
    const itemPath = `${path === "" ? "" : `${path}.`}items[${index}]`;
    const itemSource = { where: find(itemPath), piece, path: itemPath };
    if (!isJsonObject(item)) state.findings.push(nullItem(itemSource.where));
    else if (item["kind"] === undefined && kind !== "List")
      addValue(state, { apiVersion, kind: kind.slice(0, -"List".length), ...item }, itemSource);
    else addValue(state, item, itemSource);
  });
  if (kind !== "List") state.collector.seeKind(kind.slice(0, -"List".length), apiVersion);
  else if (items.length === 0) seeEmptyList(state, piece);
}

function seeEmptyList(state: FileState, header: TextPiece): void {
  const known = guessKindOfEmptyList(state.name, header.text.slice(0, 1000));
  if (known !== undefined) state.collector.seeKind(known.kind, known.group === "" ? "v1" : `${known.group}/v1`);
  const where = { file: state.name, line: header.line, column: header.column };
  state.findings.push(emptyList(known === undefined ? undefined : qualified(known), where));
}

/** As kubectl takes it: two groups may have a resource of one name. */
function qualified({ plural, group }: { readonly plural: string; readonly group: string }): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function isKustomization(value: JsonObject, file: string): boolean {
  const apiVersion = getString(value, "apiVersion");
  if (apiVersion?.startsWith("kustomize.config.k8s.io/") === true) return true;
  return value["kind"] === undefined && /(?:^|[/\\])[Kk]ustomization(?:\.ya?ml)?$/u.test(file);
}

function countNotKubernetes(state: FileState, where: Where): void {
  state.notKubernetes.count += 1;
  state.notKubernetes.where ??= where;
}
