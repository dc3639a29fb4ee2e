import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { digestPlaceholder, previousDigestPlaceholder } from "../../lib/core/digest-placeholder.ts";
import { bodyDigest, fillDigests } from "../../lib/stages/body-digest.ts";

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const body = new Map([
  ["20-job-roll.yaml", `env: ${digestPlaceholder}\nprevious: ${previousDigestPlaceholder}\n`],
  ["10-cnc.yaml", "kind: CiliumNodeConfig\n"],
]);

test("the digest is the documented one: sorted lines of path, NUL and the file's SHA-256", () => {
  const lines = [...body].sort().map(([path, text]) => `${path}\0${hash(text)}\n`);

  expect(bodyDigest(body)).toBe(`sha256:${hash(lines.join(""))}`);
});

test("a filled body checks against the digest that was filled in", () => {
  const digest = bodyDigest(body);
  const previous = `sha256:${"ab".repeat(32)}`;
  const filled = fillDigests(body, { digest, previous });

  expect(filled.get("20-job-roll.yaml")).toBe(`env: ${digest}\nprevious: ${previous}\n`);
  expect(bodyDigest(filled, { digest, previous })).toBe(digest);
  expect(bodyDigest(filled)).not.toBe(digest);
});

test("the digest of the stage before does not reach into this one's", () => {
  const first = fillDigests(body, { digest: bodyDigest(body), previous: `sha256:${"1".repeat(64)}` });
  const second = fillDigests(body, { digest: bodyDigest(body), previous: `sha256:${"2".repeat(64)}` });

  expect(first).not.toEqual(second);
  expect(bodyDigest(first, { digest: bodyDigest(body), previous: `sha256:${"1".repeat(64)}` })).toBe(
    bodyDigest(second, { digest: bodyDigest(body), previous: `sha256:${"2".repeat(64)}` }),
  );
});

test("STAGE.md is for people and no part of the body, but a file of that name in undo is", () => {
  expect(bodyDigest(new Map([...body, ["STAGE.md", "# Canary\n"]]))).toBe(bodyDigest(body));
  expect(bodyDigest(new Map([...body, ["undo/STAGE.md", "# Canary\n"]]))).not.toBe(bodyDigest(body));
});

test("the digest depends on every path and every byte, and on no order", () => {
  const someFiles = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.string()), {
    minLength: 1,
    selector: ([path]) => path,
  });
  fc.assert(
    fc.property(someFiles, fc.nat(), (entries, at) => {
      fc.pre(!entries.some(([path]) => path === "STAGE.md"));
      const digest = bodyDigest(new Map(entries));
      const changed = entries.map(([path, text], index) =>
        index === at % entries.length ? ([path, `${text}x`] as const) : ([path, text] as const),
      );

      expect(bodyDigest(new Map([...entries].reverse()))).toBe(digest);
      expect(bodyDigest(new Map(changed))).not.toBe(digest);
      expect(bodyDigest(fillDigests(new Map(entries), { digest }), { digest })).toBe(digest);
    }),
  );
});
