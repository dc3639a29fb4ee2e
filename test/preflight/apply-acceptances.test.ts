import { expect, test } from "vitest";
import type { Finding } from "../../lib/core/finding.ts";
import { applyAcceptances } from "../../lib/preflight/apply-acceptances.ts";
import { plan } from "../target/cluster.ts";

const blocked: Finding = {
  code: "preflight/np-dormant",
  severity: "error",
  message: "flannel enforces no NetworkPolicy",
  where: { file: "np.yaml", line: 3, column: 1, object: "NetworkPolicy/default/deny" },
  reason: "they decide everything once Cilium runs",
  remedy: "read them",
  data: { policies: ["NetworkPolicy/default/deny"] },
};
const other: Finding = {
  code: "preflight/kernel",
  severity: "error",
  message: "kernel 5.4 is too old",
  remedy: "upgrade",
};
const info: Finding = { code: "preflight/kp-ipvs", severity: "info", message: "ipvs" };

function accept(code: string, object: string, until?: string) {
  return { code, object, reason: "read on 12 May", by: "jane", ...(until !== undefined && { until }) };
}

test("an accepted finding keeps its texts, becomes info, and carries who, why, until when and what it was", () => {
  const own = plan({
    preflight: { accept: [accept("preflight/np-dormant", "NetworkPolicy/default/deny", "2026-09-30")] },
  });

  expect(applyAcceptances([blocked, other], own.spec.preflight.accept, own)).toEqual([
    {
      ...blocked,
      severity: "info",
      data: {
        policies: ["NetworkPolicy/default/deny"],
        accepted: { by: "jane", reason: "read on 12 May", until: "2026-09-30", severity: "error" },
      },
    },
    other,
  ]);
});

test("a star accepts every object, also a finding without one", () => {
  const own = plan({ preflight: { accept: [accept("preflight/kernel", "*")] } });

  expect(applyAcceptances([other], own.spec.preflight.accept, own).map(({ severity }) => severity)).toEqual(["info"]);
});

test.each([
  ["another object", "preflight/np-dormant", "NetworkPolicy/default/allow"],
  ["another code", "preflight/np-present-live", "*"],
  ["a name for a finding without one", "preflight/kernel", "Node/a"],
])("an exception for %s lowers nothing and is told as unused, with its place in the plan", (_name, code, object) => {
  const own = plan({ policies: { accept: [accept(code, object)] } });

  expect(applyAcceptances([blocked, other], own.spec.policies.accept, own)).toEqual([
    blocked,
    other,
    {
      code: "preflight/acceptance-unused",
      severity: "warning",
      message: `the exception for ${code} at ${object} matches no finding`,
      where: { file: "plans/test.yaml", field: "spec.policies.accept[0]" },
      reason:
        "an exception that matches nothing may be misspelt, or what it accepted is gone; it would match again unseen",
      remedy: "take it out, or write the code and the object as the finding prints them",
      data: { acceptedCode: code, object, by: "jane" },
    },
  ]);
});

test("an exception for what is only good to know is used and changes nothing", () => {
  const own = plan({ preflight: { accept: [accept("preflight/kp-ipvs", "*")] } });

  expect(applyAcceptances([info], own.spec.preflight.accept, own)).toEqual([info]);
});

test("the first of two exceptions counts, and the second is used too", () => {
  const own = plan({
    preflight: { accept: [accept("preflight/kernel", "*", "2026-01-01"), accept("preflight/kernel", "*")] },
  });

  const [first, ...rest] = applyAcceptances([other], own.spec.preflight.accept, own);

  expect(first?.data?.["accepted"]).toEqual({
    by: "jane",
    reason: "read on 12 May",
    until: "2026-01-01",
    severity: "error",
  });
  expect(rest).toEqual([]);
});
