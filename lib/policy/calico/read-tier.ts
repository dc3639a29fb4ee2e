import type { CalicoTier } from "./model.ts";
import { objectFields } from "./read-policy.ts";
import { type Reading, readNumber, readRecord, readText, report, reportUnknownFields } from "./reading.ts";

/**
 * Tiers that Calico makes itself, with the orders and default actions that they must have.
 * Source: projectcalico/calico v3.32.1 api/pkg/apis/projectcalico/v3/tier.go, constants.go.
 */
export const builtInTiers: readonly CalicoTier[] = [
  { name: "default", order: 1_000_000, defaultAction: "Deny", exists: true },
  { name: "kube-admin", order: 1000, defaultAction: "Pass", exists: true },
  { name: "kube-baseline", order: 10_000_000, defaultAction: "Pass", exists: true },
];

/** A Tier object. Findings: POL001, POL002, POL003. The built-in tiers keep their own values. */
export function readTier(reading: Reading): CalicoTier {
  const { object, identity } = reading;
  reportUnknownFields(reading, object.object, "", objectFields);
  const spec = readRecord(reading, object.object, "spec", "spec") ?? {};
  reportUnknownFields(reading, spec, "spec", ["order", "defaultAction"]);
  const order = readNumber(reading, spec, "order", "spec.order") ?? Number.POSITIVE_INFINITY;
  const action = readText(reading, spec, "defaultAction", "spec.defaultAction") ?? "Deny";
  if (action !== "Deny" && action !== "Pass")
    report(
      reading,
      "POL002",
      `spec.defaultAction ${JSON.stringify(action)} is no default action`,
      "spec.defaultAction",
      {
        remedy: "write Deny or Pass",
      },
    );
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/u.test(identity.name) || identity.name.length > 63)
    report(reading, "POL002", `the tier name ${JSON.stringify(identity.name)} is no DNS label`, "metadata.name", {
      remedy: "rename the tier: lower-case letters, digits and -, at most 63",
    });
  const tier: CalicoTier = {
    name: identity.name,
    order,
    defaultAction: action === "Pass" ? "Pass" : "Deny",
    exists: true,
  };
  const builtIn = builtInTiers.find((known) => known.name === identity.name);
  if (builtIn !== undefined && (builtIn.order !== tier.order || builtIn.defaultAction !== tier.defaultAction))
    report(
      reading,
      "POL002",
      `the tier ${builtIn.name} must have order ${builtIn.order} and defaultAction ${builtIn.defaultAction}`,
      "spec",
      {
        reason: "Calico refuses other values for its own tiers",
        remedy: `write order: ${builtIn.order} and defaultAction: ${builtIn.defaultAction}`,
      },
    );
  return builtIn ?? tier;
}
