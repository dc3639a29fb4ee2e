import type { JsonObject } from "../../core/json.ts";
import type { Selector } from "../selector/selector.ts";
import { conjunction, negation, selectsAll } from "../selector/simplify-selector.ts";
import type { CalicoEntity } from "./model.ts";
import { readNets } from "./read-nets.ts";
import { readPorts } from "./read-ports.ts";
import { type Reading, readList, readRecord, readText, report, reportUnknownFields, textOf } from "./reading.ts";
import {
  namespaceSelector,
  readExpression,
  readPlainExpression,
  serviceAccountSelector,
  toSelector,
  usesGlobal,
} from "./selector-fields.ts";

const entityFields = [
  "nets",
  "notNets",
  "selector",
  "notSelector",
  "namespaceSelector",
  "serviceAccounts",
  "services",
  "ports",
  "notPorts",
];
/** Fields of Kubernetes and Cilium that people write here, and Calico's word for each. */
const entityHints: Readonly<Record<string, string>> = {
  podSelector: "selector",
  ipBlock: "nets",
  cidr: "nets",
  cidrs: "nets",
  port: "ports",
  serviceAccount: "serviceAccounts",
  serviceAccountSelector: "serviceAccounts.selector",
  service: "services",
};

/** Whose policy the entity belongs to: the namespace of a namespaced policy, nothing for a global one. */
export interface EntityScope {
  readonly namespace?: string;
}

/**
 * One end of a rule with its selector rewritten: the namespace part (the namespaceSelector, or the policy's own
 * namespace where the entity selects endpoints at all), the service accounts and the selector together.
 *
 * Findings: POL001 to POL006, POL038.
 * Source: projectcalico/calico v3.32.1 libcalico-go/lib/backend/syncersv1/updateprocessors/rules.go.
 */
export function readEntity(
  reading: Reading,
  rule: JsonObject,
  key: "source" | "destination",
  field: string,
  scope: EntityScope,
): CalicoEntity {
  const record = readRecord(reading, rule, key, field);
  if (record === undefined) return {};
  reportUnknownFields(reading, withoutDomains(record), field, entityFields, entityHints);
  reportDomains(reading, record, field);
  const selector = readPositiveSelector(reading, record, field, scope);
  const notSelector = readPlainExpression(reading, record, "notSelector", `${field}.notSelector`);
  const nets = readNets(reading, record, "nets", `${field}.nets`);
  const notNets = readNets(reading, record, "notNets", `${field}.notNets`);
  checkNotNets(reading, notNets, field);
  const ports = readPorts(reading, record, "ports", `${field}.ports`);
  const notPorts = readPorts(reading, record, "notPorts", `${field}.notPorts`);
  const service = readService(reading, record, field, scope);
  const refused = notSelector && toSelector(notSelector, { subject: "endpoint", all: selectsAll });
  return {
    ...whoOf(selector, refused),
    ...(nets && { nets }),
    ...(notNets && { notNets }),
    ...(ports && { ports }),
    ...(notPorts && { notPorts }),
    ...(service && { service }),
  };
}

/**
 * Felix asks one object for both: where a rule has a positive part, its negative part narrows it, so that an address that
 * is a pod and also in a network set matches when either of the two meets the whole. Alone, a negative part speaks of any
 * address. Source: projectcalico/calico v3.28 felix/calc/rule_scanner.go combineMatchesIfPossible; seen on the engine.
 */
function whoOf(
  selector: Selector | undefined,
  refused: Selector | undefined,
): Pick<CalicoEntity, "selector" | "notSelector"> {
  if (refused === undefined) return selector === undefined ? {} : { selector };
  return selector === undefined ? { notSelector: refused } : { selector: conjunction([selector, negation(refused)]) };
}

function withoutDomains(record: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(record).filter(([key]) => key !== "domains"));
}

function reportDomains(reading: Reading, record: JsonObject, field: string): void {
  if (record["domains"] === undefined) return;
  report(reading, "POL038", `${field}.domains belongs to Calico Enterprise`, `${field}.domains`, {
    reason: "open-source Calico drops the field, and the rule then matches every destination",
    remedy: "write a CiliumNetworkPolicy with toFQDNs and a DNS rule by hand, or remove the field",
  });
}

function readPositiveSelector(
  reading: Reading,
  record: JsonObject,
  field: string,
  scope: EntityScope,
): Selector | undefined {
  const own = readPlainExpression(reading, record, "selector", `${field}.selector`);
  const namespaces = readNamespaceExpression(reading, record, field);
  const accounts = readServiceAccounts(reading, record, field);
  const hasNotSelector = typeof record["notSelector"] === "string" && record["notSelector"].trim() !== "";
  const isScoped = own !== undefined || namespaces !== undefined || accounts !== undefined || hasNotSelector;
  if (!isScoped) return undefined;
  const parts: Selector[] = [];
  if (namespaces) parts.push(namespaces);
  else if (scope.namespace !== undefined) parts.push({ kind: "in", key: "meta:namespace", values: [scope.namespace] });
  if (accounts) parts.push(accounts);
  if (own) parts.push(toSelector(own, { subject: "endpoint", all: selectsAll }));
  // A global rule with a notSelector alone has no positive part: it speaks of any address.
  return parts.length === 0 ? undefined : conjunction(parts);
}

function readNamespaceExpression(reading: Reading, record: JsonObject, field: string): Selector | undefined {
  const path = `${field}.namespaceSelector`;
  const expression = readExpression(reading, record, "namespaceSelector", path);
  if (expression === undefined) return undefined;
  if (expression.kind === "global") return { kind: "not", operand: { kind: "has", key: "meta:namespace" } };
  if (usesGlobal(expression))
    report(reading, "POL002", `${path} mixes global() with other terms`, path, {
      reason: "global() must be the whole namespaceSelector",
      remedy: "write two rules: one with namespaceSelector: global(), one with the rest",
    });
  return namespaceSelector(expression);
}

function readServiceAccounts(reading: Reading, record: JsonObject, field: string): Selector | undefined {
  const path = `${field}.serviceAccounts`;
  const accounts = readRecord(reading, record, "serviceAccounts", path);
  if (accounts === undefined) return undefined;
  reportUnknownFields(reading, accounts, path, ["names", "selector"]);
  const names = readList(reading, accounts, "names", `${path}.names`).flatMap(
    (item, index) => textOf(reading, item, `${path}.names[${index}]`) ?? [],
  );
  const selector = readPlainExpression(reading, accounts, "selector", `${path}.selector`);
  if (names.length === 0 && selector === undefined) return undefined;
  return conjunction([
    ...(names.length > 0 ? [{ kind: "in", key: "meta:serviceaccount", values: names } as const] : []),
    ...(selector ? [serviceAccountSelector(selector)] : []),
  ]);
}

function checkNotNets(reading: Reading, notNets: readonly string[] | undefined, field: string): void {
  for (const [index, net] of (notNets ?? []).entries())
    if (net.endsWith("/0"))
      report(
        reading,
        "POL002",
        `${field}.notNets holds ${net}, so the rule could match nothing`,
        `${field}.notNets[${index}]`,
        {
          reason: "Calico refuses the whole address space in notNets",
          remedy: "remove the rule, or the prefix",
        },
      );
}

const withServices = ["selector", "notSelector", "namespaceSelector", "serviceAccounts", "nets", "notNets"];

function readService(
  reading: Reading,
  record: JsonObject,
  field: string,
  scope: EntityScope,
): CalicoEntity["service"] | undefined {
  const path = `${field}.services`;
  const services = readRecord(reading, record, "services", path);
  if (services === undefined) return undefined;
  reportUnknownFields(reading, services, path, ["name", "namespace"]);
  const excluded = [...withServices, ...(field.endsWith("destination") ? ["ports", "notPorts"] : [])];
  for (const key of excluded)
    if (isGiven(record[key]))
      report(reading, "POL002", `${path} stands beside ${key}, which Calico refuses`, `${field}.${key}`, {
        remedy: `split the rule: one with services, one with ${key}`,
      });
  const name = readText(reading, services, "name", `${path}.name`);
  const namespace = readText(reading, services, "namespace", `${path}.namespace`) ?? scope.namespace;
  if (name === undefined || name === "")
    report(reading, "POL002", `${path} names no service`, path, { remedy: `write ${path}.name` });
  if (namespace === undefined)
    report(reading, "POL002", `${path} needs a namespace in a global policy`, path, {
      remedy: `write ${path}.namespace`,
    });
  return name === undefined || namespace === undefined ? undefined : { name, namespace };
}

function isGiven(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return false;
  return !Array.isArray(value) || value.length > 0;
}
