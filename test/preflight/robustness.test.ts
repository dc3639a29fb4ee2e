import fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonValue } from "../../lib/core/json.ts";
import { notChecked } from "../../lib/preflight/not-checked.ts";
import { runPreflight } from "../../lib/preflight/run-preflight.ts";
import { contextOf } from "./setting.ts";

const kinds = [
  "BGPConfiguration",
  "BlockAffinity",
  "CiliumNodeConfig",
  "ConfigMap",
  "CustomResourceDefinition",
  "DaemonSet",
  "EndpointSlice",
  "HostEndpoint",
  "IPAMBlock",
  "IPPool",
  "Namespace",
  "NetworkPolicy",
  "NodePool",
  "PodDisruptionBudget",
  "ResourceQuota",
  "Service",
  "ValidatingWebhookConfiguration",
];

const anything = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<JsonValue>;
const someObject = fc
  .tuple(fc.constantFrom(...kinds), anything, anything, anything)
  .map(([kind, spec, status, data]) => ({
    apiVersion: "v1",
    kind,
    metadata: { name: "x", namespace: "default" },
    spec,
    status,
    data,
    webhooks: data,
  }));

test("objects of any shape are read without a throw, and twice alike", () => {
  fc.assert(
    fc.property(fc.array(someObject, { maxLength: 6 }), (objects) => {
      const context = contextOf({ objects });

      expect(runPreflight(context)).toEqual(runPreflight(context));
      expect(notChecked(context)).toEqual(notChecked(context));
    }),
    { numRuns: 60 },
  );
});
