import { printIdentity } from "../../core/identity.ts";
import { getArray, getString, isJsonObject, type JsonValue } from "../../core/json.ts";
import { byText, compareText } from "../../core/order.ts";
import { type Inventory, objectsOf, type RawObject } from "../../inventory/inventory.ts";
import type { SourceDetection } from "../../source/source.ts";

/** A policy that is enforced today and by nobody afterwards. */
export interface Loss {
  readonly policy: RawObject;
  /** `GlobalNetworkPolicy/deny-all`. */
  readonly name: string;
  /** Whom it selects, as it says so itself. */
  readonly selects: string;
  /** `Ingress: 2 Allow, 1 Deny`. */
  readonly rules: string;
}

/** Every policy that the source enforces, in the order of its name. Source: the kinds that detection says are enforced. */
export function readLosses(inventory: Inventory, source: SourceDetection): readonly Loss[] {
  return source.facts.enforcedPolicyKinds
    .flatMap((enforced) => {
      const dot = enforced.indexOf(".");
      const group = enforced.slice(dot + 1);
      return objectsOf(inventory, enforced.slice(0, dot)).filter(
        (object) => object.apiVersion.startsWith(`${group}/`) || object.apiVersion.startsWith(`crd.${group}/`),
      );
    })
    .filter((object) => !/^Staged|Set$|^Tier$|^Profile$/u.test(object.kind))
    .map((policy) => ({ policy, name: printIdentity(policy), selects: selects(policy), rules: rules(policy) }))
    .filter((loss, at, all) => all.findIndex((other) => other.name === loss.name) === at)
    .toSorted(byText((loss) => loss.name));
}

function selects({ object, namespace }: RawObject): string {
  const spec = isJsonObject(object["spec"]) ? object["spec"] : {};
  const own =
    spec["podSelector"] === undefined ? (getString(spec, "selector") ?? "all()") : JSON.stringify(spec["podSelector"]);
  return namespace === undefined ? own : `${own} in ${namespace}`;
}

function rules({ object }: RawObject): string {
  const parts = (["ingress", "egress"] as const).flatMap((direction) => {
    const types = getArray(object, "spec", "types").concat(getArray(object, "spec", "policyTypes"));
    const list = getArray(object, "spec", direction);
    const isNamed = types.some((type) => String(type).toLowerCase() === direction);
    if (list.length === 0 && !isNamed) return [];
    return [`${direction}: ${list.length === 0 ? "nothing is allowed" : actions(list)}`];
  });
  return parts.join("; ") || "ingress: nothing is allowed";
}

function actions(list: readonly JsonValue[]): string {
  const counts = new Map<string, number>();
  for (const rule of list) {
    const action = getString(rule, "action") ?? "Allow";
    counts.set(action, (counts.get(action) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => compareText(a, b))
    .map(([action, number]) => `${number} ${action}`)
    .join(", ");
}
