import { expect, test } from "vitest";
import { findFieldPosition, parseFieldPath } from "../../lib/inventory/find-field-position.ts";

const policy = `apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata:
  name: web
  labels:
    app.kubernetes.io/name: web
spec:
  # a comment
  ingress:
  - action: Allow
  - action: Deny
    source:
      nets:
      - 10.0.0.0/8
      - 192.168.0.0/16
  egress: [{ action: Allow }, { action: Deny, protocol: TCP }]
`;

test.each([
  ["a key of the top level", "kind", 2, 1],
  ["a key inside", "metadata.name", 4, 3],
  ["a key with dots, written as it is", "metadata.labels.app.kubernetes.io/name", 6, 5],
  ["a key with dots, in double quotes", 'metadata.labels["app.kubernetes.io/name"]', 6, 5],
  ["a key with dots, in single quotes", "metadata.labels['app.kubernetes.io/name']", 6, 5],
  ["an item of a list", "spec.ingress[1]", 11, 5],
  ["a deep item", "spec.ingress[1].source.nets[1]", 15, 9],
  ["a key in a flow map", "spec.egress[1].protocol", 16, 47],
  ["a missing field gives its nearest parent", "spec.ingress[0].source.nets[2]", 10, 5],
  ["an index past the end gives the list", "spec.ingress[7]", 9, 3],
  ["a field of nothing gives the object", "status.phase", 1, 1],
])("%s", (_rule, field, line, column) => {
  expect(findFieldPosition(policy, field)).toEqual({ line, column });
});

test("positions in JSON are those of the keys", () => {
  const text = '{\n    "spec": {\n        "nets": ["10.0.0.0/8", "x"]\n    }\n}';

  expect(findFieldPosition(text, "spec.nets[1]", { file: "a.json", line: 10, column: 9 })).toEqual({
    file: "a.json",
    line: 12,
    column: 32,
  });
  expect(findFieldPosition('{"spec": 1}', "spec", { line: 10, column: 9 })).toEqual({ line: 10, column: 10 });
});

test("a path is read in both notations", () => {
  expect(parseFieldPath(`a.b[2]["c.d"]['e"f'].g`)).toEqual(["a", "b", 2, "c.d", 'e"f', "g"]);
});
