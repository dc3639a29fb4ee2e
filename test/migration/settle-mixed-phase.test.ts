import { describe, expect, test } from "vitest";
import { settleMixedPhase } from "../../lib/migration/settle-mixed-phase.ts";
import type { Continuity } from "../../lib/plan/plan.ts";
import type { MixedDifference, MixedProof } from "../../lib/policy/bridge/mixed-proof.ts";

const difference: MixedDifference = {
  row: "old-to-new",
  direction: "opened",
  half: "ingress",
  witness: {
    from: { kind: "pod", name: "shop/web-0" },
    to: { kind: "pod", name: "shop/db-0" },
    protocol: "TCP",
    port: 5432,
  },
  before: { verdict: "deny", decidedBy: "NetworkPolicy/shop/db ingress[0]" },
  after: { verdict: "allow", decidedBy: "CiliumClusterwideNetworkPolicy/metachron-bridge ingress[0]" },
  flows: 3,
};

const proof = (differences: readonly MixedDifference[], more: Partial<MixedProof> = {}): MixedProof => ({
  equal: differences.length === 0,
  flows: 10,
  rows: [],
  differences,
  isPolicyEnforcedBefore: true,
  classes: 4,
  waves: [],
  ...more,
});

/** The continuities that were proven, in their order, with what came of it. */
function settle(wanted: Continuity, proofs: Partial<Record<Continuity, MixedProof>>) {
  const asked: Continuity[] = [];
  const phase = settleMixedPhase(wanted, (continuity) => {
    asked.push(continuity);
    return proofs[continuity];
  });
  return { asked, phase };
}

describe("exact", () => {
  test("holds where its proof is equal", () => {
    const { asked, phase } = settle("exact", { exact: proof([]) });

    expect([asked, phase.continuity, phase.differs]).toEqual([["exact"], "exact", []]);
  });

  test("gives way to the bridge where its proof finds a difference, which is told as a warning with its witness", () => {
    const exposed = proof([difference, difference]);

    const { asked, phase } = settle("exact", { exact: proof([difference]), bridge: exposed });

    expect(asked).toEqual(["exact", "bridge"]);
    expect(phase.continuity).toBe("bridge");
    expect(phase.mixed).toBe(exposed);
    expect(phase.differs.map(({ code, severity, message }) => ({ code, severity, message }))).toEqual([
      {
        code: "bridge/mixed-phase-differs",
        severity: "warning",
        message:
          "opened while both networks run, source to Cilium: shop/web-0 to shop/db-0 TCP 5432 is denied by NetworkPolicy/shop/db ingress[0] and would be allowed by CiliumClusterwideNetworkPolicy/metachron-bridge ingress[0] (3 flows)",
      },
    ]);
  });

  test("gives way to the bridge where the cluster is too large to be compared", () => {
    const { phase } = settle("exact", { exact: proof([], { equal: false, isTruncated: true }), bridge: proof([]) });

    expect(phase.continuity).toBe("bridge");
    expect(phase.differs.map(({ code }) => code)).toEqual(["bridge/mixed-phase-not-proven"]);
  });

  test("holds for a source without policy: what closes is what the plan asks for", () => {
    const { phase } = settle("exact", { exact: proof([difference], { isPolicyEnforcedBefore: false }) });

    expect([phase.continuity, phase.differs]).toEqual(["exact", []]);
  });
});

test.each<Continuity>(["bridge", "audit", "off"])("%s is kept with its exposure, whatever differs", (wanted) => {
  const exposed = proof([difference]);

  const { asked, phase } = settle(wanted, { [wanted]: exposed });

  expect([asked, phase.continuity, phase.mixed, phase.differs]).toEqual([[wanted], wanted, exposed, []]);
});
