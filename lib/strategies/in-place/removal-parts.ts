import type { RemovalObject, RemovalStep } from "../../source/source.ts";

/** What must not run beside Cilium, and what would make the API server wait for it: these go in the outage. */
const inOutage: readonly RemovalStep[] = ["agents", "controllers", "webhooks"];

/** The source's objects that go in the outage, in their order. */
export function removedInOutage(removal: readonly RemovalObject[]): readonly RemovalObject[] {
  return removal.filter((object) => inOutage.includes(object.step));
}

/** The rest: policies, rights, configuration, custom resources. It is inert without its agents, and the way back needs it. */
export function removedAfterwards(removal: readonly RemovalObject[]): readonly RemovalObject[] {
  return removal.filter((object) => !inOutage.includes(object.step));
}
