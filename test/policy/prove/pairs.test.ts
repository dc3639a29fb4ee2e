import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../lib/core/json.ts";
import { readCiliumPolicies } from "../../../lib/policy/cilium/read-cilium-policies.ts";
import type { PolicySide } from "../../../lib/policy/prove/policy-side.ts";
import type { Proof, ProofDifference } from "../../../lib/policy/prove/proof.ts";
import { provePolicies } from "../../../lib/policy/prove/prove-policies.ts";
import { replayWitness } from "../../../lib/policy/prove/replay-witness.ts";
import type { World, WorldPod } from "../../../lib/policy/space/world.ts";
import { emptyWorld } from "../../../lib/policy/space/world-of.ts";
import { rawObjects } from "../support/objects.ts";
import { readPairSide } from "../support/pairs.ts";
import { calicoSide, ciliumSide } from "../support/sides.ts";

type Pods = readonly (readonly [name: string, labels: Readonly<Record<string, string>>])[];

/** A world of hand-made pods: `namespace/name` and labels. */
function worldWith(
  pods: Pods,
  namespaceLabels: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): World {
  const empty = emptyWorld({ sourcePodCIDRs: ["10.42.0.0/16"] });
  const made = pods.map(([name, labels], index): WorldPod => {
    const [namespace = "", pod = ""] = name.split("/");
    return {
      namespace,
      name: pod,
      labels,
      serviceAccount: "default",
      node: "one",
      addresses: [`10.42.0.${index + 1}`],
      namedPorts: [],
      workload: pod,
    };
  });
  const names = [...new Set(made.map(({ namespace }) => namespace))];
  return {
    ...empty,
    namespaces: new Map(names.map((name) => [name, { ...namespaceLabels[name], "kubernetes.io/metadata.name": name }])),
    serviceAccounts: new Map(names.map((name) => [`${name}/default`, {}])),
    pods: made,
    nodes: [
      { name: "one", labels: {}, addresses: ["192.168.0.10"], isControlPlane: true },
      { name: "two", labels: {}, addresses: ["192.168.0.11"], isControlPlane: false },
    ],
    apiServerAddresses: ["192.168.0.10"],
    isInventoryKnown: true,
  };
}

/** A difference in one line: direction, who, to whom, what, and the two causes. */
function line({ direction, witness, before, after }: ProofDifference): string {
  const target = witness.port ?? witness.icmpType ?? "";
  return `${direction} ${witness.from.name} > ${witness.to.name} ${witness.protocol} ${target}: ${before.decidedBy} | ${after.decidedBy}`;
}

const pods: Pods = [
  ["shop/cart", { app: "cart" }],
  ["kube-system/coredns", { "k8s-app": "kube-dns" }],
  ["gitlab/upgrade", { app: "gitlab", release: "gitlab", "job-name": "gitlab-gitlab-upgrade-check-1" }],
  ["gitlab/secrets", { app: "gitlab", release: "gitlab", "job-name": "gitlab-shared-secrets-2" }],
  ["gitlab/migrations", { app: "migrations", release: "gitlab" }],
  ["gitlab/web", { app: "webservice", release: "gitlab" }],
  ["gitlab/runner", { app: "runner", release: "gitlab-runner" }],
  ["minio/minio", { "app.kubernetes.io/instance": "minio", "app.kubernetes.io/name": "minio" }],
  ["nextcloud/backup", { "job-name": "backup-1" }],
  [
    "monitoring/prometheus",
    { "app.kubernetes.io/instance": "kube-prometheus-stack-prometheus", "app.kubernetes.io/name": "prometheus" },
  ],
  ["traefik/plain", { "app.kubernetes.io/instance": "traefik" }],
  ["traefik/traefik", { "app.kubernetes.io/instance": "traefik", "app.kubernetes.io/name": "traefik" }],
  ["gitlab/registry", { app: "registry", release: "gitlab" }],
];

const world = worldWith(pods, { nextcloud: { k8up: "backup-enabled" } });
const variables = {
  HOST_IP: "192.168.0.10",
  DNS_IP: "192.168.0.1",
  LAN_NETWORK_RANGE: "192.168.0.0/24",
  POD_NETWORK_RANGE: "10.42.0.0/16",
};
const beforeObjects = readPairSide("gi8lino+k8s-gitops", "before", variables);
const afterObjects = readPairSide("gi8lino+k8s-gitops", "after", variables);
const before = calicoSide(beforeObjects);
const after = ciliumSide(afterObjects, world.cilium, true);
const proof = provePolicies({ before, after, world, mode: "closed" });

/** The differences in which a flow of the given ends is decided by the given rules, whatever else there is. */
function differencesBetween(found: Proof, from: string, to: string): string[] {
  return found.differences.filter(({ witness }) => witness.from.name === from && witness.to.name === to).map(line);
}

/** What both sides say of one flow in one half. */
function decided(half: "ingress" | "egress", from: string, to: string, port: number, protocol = "TCP"): string[] {
  const end = (name: string) =>
    /^\d/u.test(name)
      ? { kind: "address" as const, name, address: name }
      : name.startsWith("node ")
        ? { kind: "node" as const, name: name.slice(5), ...(name === "node one" && { isOwnNode: true }) }
        : { kind: "pod" as const, name };
  const witness = { from: end(from), to: end(to), protocol, port };
  return [before, after].map((side) => {
    const decision = replayWitness(witness, half, side, world);
    return `${decision?.verdict} by ${decision?.decidedBy}`;
  });
}

describe("gi8lino/k8s-gitops: every error of the hand-made move is found", () => {
  test("every witness replays on both sides", () => {
    const replayed = proof.differences.map(({ witness, half }) => [
      replayWitness(witness, half, before, world),
      replayWitness(witness, half, after, world),
    ]);

    expect(proof.differences.length).toBeGreaterThan(30);
    expect(replayed).toEqual(proof.differences.map((difference) => [difference.before, difference.after]));
  });

  test("1: deny-all was dropped, so a namespace without policies is open", () => {
    expect(decided("ingress", "traefik/plain", "shop/cart", 80)).toEqual([
      "deny by end of tier default",
      "allow by no policy",
    ]);
    expect(proof.differences.map(line).filter((text) => text.endsWith(": end of tier default | no policy"))).toEqual([
      "opened kube-system/coredns > shop/cart TCP 80: end of tier default | no policy",
      "opened shop/cart > gitlab/upgrade TCP 80: end of tier default | no policy",
    ]);
  });

  test("2: egress-to-coredns for all pods was dropped, so pods with egress policies lose DNS unless each repeats it", () => {
    expect(decided("egress", "gitlab/secrets", "kube-system/coredns", 53, "UDP")).toEqual([
      "allow by GlobalNetworkPolicy/egress-to-coredns egress[1]",
      "deny by default deny",
    ]);
    expect(
      proof.differences.map(line).filter((text) => text.includes("egress-to-coredns egress[1] | default deny")),
    ).toEqual([
      "closed gitlab/upgrade > kube-system/coredns UDP 53: GlobalNetworkPolicy/egress-to-coredns egress[1] | default deny",
    ]);
  });

  test("3: a start of a job name became an exact name, and another job's rule went to every pod of the release", () => {
    expect(decided("egress", "gitlab/upgrade", "node one", 6443)).toEqual([
      "allow by NetworkPolicy/gitlab/egress-gitlab-upgrade-check egress[0]",
      "allow by CiliumNetworkPolicy/gitlab/egress-gitlab-shared-secrets egress[0]",
    ]);
    const widened = worldWith([["gitlab/plain", { app: "gitlab", release: "gitlab" }]]);
    const found = provePolicies({ before, after, world: widened, mode: "closed" });
    expect(found.differences.map(line)).toContain(
      "opened gitlab/plain > one TCP 6443: end of tier default | CiliumNetworkPolicy/gitlab/egress-gitlab-shared-secrets egress[0]",
    );
  });

  test("4: a namespace label under a made-up prefix and a made-up pod label select nobody", () => {
    expect(decided("egress", "nextcloud/backup", "minio/minio", 9000)).toEqual([
      "allow by GlobalNetworkPolicy/egress-to-minio egress[0]",
      "allow by no policy",
    ]);
    expect(decided("ingress", "nextcloud/backup", "minio/minio", 9000)).toEqual([
      "allow by NetworkPolicy/minio/ingress-minio ingress[2]",
      "deny by default deny",
    ]);
    expect(differencesBetween(proof, "nextcloud/backup", "minio/minio")).toContain(
      "closed nextcloud/backup > minio/minio TCP 9000: NetworkPolicy/minio/ingress-minio ingress[2] | default deny",
    );
  });

  test("5: toServices lets a pod through only where the Service is there", () => {
    const service = {
      namespace: "gitlab",
      name: "postgres",
      labels: { app: "postgres", release: "gitlab" },
      selector: { app: "postgres" },
      ports: [{ protocol: "TCP" as const, port: 5432, targetPort: 5432 }],
      endpoints: [],
    };
    const small = worldWith([
      ["gitlab/migrations", { app: "migrations", release: "gitlab" }],
      ["gitlab/postgres", { app: "postgres", release: "gitlab" }],
    ]);
    const witness = {
      from: { kind: "pod" as const, name: "gitlab/migrations" },
      to: { kind: "pod" as const, name: "gitlab/postgres" },
      protocol: "TCP",
      port: 5432,
    };

    expect([
      replayWitness(witness, "egress", after, small),
      replayWitness(witness, "egress", after, { ...small, services: [service] })?.decidedBy,
    ]).toEqual([
      expect.objectContaining({ verdict: "deny", decidedBy: "default deny" }),
      "CiliumNetworkPolicy/gitlab/egress-gitlab-migrations egress[1]",
    ]);
  });

  test("6: an address was renumbered in the same step", () => {
    expect(proof.differences.map(line)).toEqual(
      expect.arrayContaining([
        "closed monitoring/prometheus > 10.0.0.4 TCP 8080: NetworkPolicy/monitoring/prometheus-egress-tools-server-cadvisor-exporter egress[0] | default deny",
        "opened monitoring/prometheus > 192.168.0.4 TCP 8080: end of tier default | CiliumNetworkPolicy/monitoring/prometheus-egress-tools-server-cadvisor-exporter egress[0]",
      ]),
    );
  });

  test("7: the host's address became the entity host, which is the API server on one node only", () => {
    expect(decided("egress", "gitlab/secrets", "node two", 6443)).toEqual([
      "deny by end of tier default",
      "deny by default deny",
    ]);
    const elsewhere = { ...world, pods: world.pods.map((pod) => ({ ...pod, node: "two" })) };
    const found = provePolicies({ before, after, world: elsewhere, mode: "closed" });
    expect(found.differences.map(line)).toContain(
      "closed gitlab/secrets > one TCP 6443: NetworkPolicy/gitlab/egress-gitlab-shared-secrets-job egress[0] | default deny",
    );
  });

  test("8: the runner's rules vanished, and peers got labels that they do not all have", () => {
    expect(decided("ingress", "gitlab/runner", "gitlab/web", 8080)).toEqual([
      "allow by NetworkPolicy/gitlab/ingress-gitlab ingress[5]",
      "deny by default deny",
    ]);
    expect(decided("ingress", "traefik/plain", "gitlab/registry", 5000)).toEqual([
      "allow by NetworkPolicy/gitlab/ingress-gitlab ingress[1]",
      "deny by default deny",
    ]);
    expect(differencesBetween(proof, "traefik/plain", "gitlab/registry")).toEqual([
      "closed traefik/plain > gitlab/registry TCP 5000: NetworkPolicy/traefik/traefik-egress-gitlab egress[1] | default deny",
      "closed traefik/plain > gitlab/registry TCP 5000: NetworkPolicy/gitlab/ingress-gitlab ingress[1] | default deny",
    ]);
  });

  test("9: CoreDNS had no source restriction; its new policy is refused by today's Cilium, and then nothing guards it", () => {
    const { findings } = readCiliumPolicies(rawObjects(afterObjects), world.cilium);
    expect(findings.filter(({ severity }) => severity === "error")).toEqual([
      expect.objectContaining({
        code: "cilium/l7",
        message: "DNS rules do not exist for ingress",
        where: { object: "CiliumNetworkPolicy/kube-system/kube-dns", field: "spec.ingress[0].toPorts[0].rules" },
      }),
    ]);
    const withoutL7 = ciliumSide(afterObjects.map(withoutDNSOnIngress), world.cilium);
    const found = provePolicies({ before, after: withoutL7, world, mode: "closed" });
    expect(found.differences.map(line)).toContain(
      "closed 203.0.113.7 > kube-system/coredns UDP 53: NetworkPolicy/kube-system/ingress-coredns ingress[1] | default deny",
    );
    expect(found.differences.map(line)).toContain(
      "opened shop/cart > kube-system/coredns SCTP 53: end of tier default | CiliumNetworkPolicy/kube-system/kube-dns ingress[0]",
    );
  });

  test("10: selectors with and without the prefix k8s: mean the same", () => {
    const prefixed = ciliumSide(afterObjects.map(withPrefixes), world.cilium, true);

    expect(provePolicies({ before: after, after: prefixed, world, mode: "closed" })).toMatchObject({
      equal: true,
      differences: [],
    });
  });

  test("11: a network set became an inlined list: equal today, and blind to the set's next prefix", () => {
    expect(decided("ingress", "104.16.0.1", "traefik/traefik", 8443)).toEqual([
      "allow by NetworkPolicy/traefik/ingress-traefik ingress[0]",
      "allow by CiliumNetworkPolicy/traefik/traefik ingress[0]",
    ]);
    const grown = calicoSide(beforeObjects.map(withOneMoreNet));
    const found = provePolicies({ before: grown, after, world, mode: "closed" });
    expect(found.differences.map(line)).toContain(
      "closed 192.0.2.7 > traefik/traefik TCP 8443: NetworkPolicy/traefik/ingress-traefik ingress[0] | default deny",
    );
  });
});

function withOneMoreNet(object: JsonObject): JsonObject {
  if (object["kind"] !== "NetworkSet" || (object["metadata"] as JsonObject)["name"] !== "cloudflare") return object;
  const nets = ["192.0.2.0/24", ...((object["spec"] as JsonObject)["nets"] as string[])];
  return { ...object, spec: { nets } };
}

function withoutDNSOnIngress(object: JsonObject): JsonObject {
  if ((object["metadata"] as JsonObject)["name"] !== "kube-dns") return object;
  const copy = structuredClone(object) as { spec: { ingress: { toPorts?: { rules?: unknown }[] }[] } };
  for (const element of copy.spec.ingress) for (const item of element.toPorts ?? []) delete item.rules;
  return copy as unknown as JsonObject;
}

/** Every bare key of a selector gets the prefix that the newest commit of the repository writes. */
function withPrefixes(object: JsonObject): JsonObject {
  return JSON.parse(
    JSON.stringify(object, (key, value: unknown) =>
      key === "matchLabels"
        ? Object.fromEntries(
            Object.entries(value as Record<string, string>).map(([name, text]) => [
              name.includes(":") ? name : `k8s:${name}`,
              text,
            ]),
          )
        : value,
    ),
  ) as JsonObject;
}

describe("ministryofjustice: deny-aws-imds", () => {
  const small = worldWith([
    ["shop/cart", { app: "cart" }],
    ["shop/guarded", { app: "guarded" }],
    ["monitoring/grafana", { app: "grafana" }],
  ]);
  const knp = (spec: JsonObject): JsonObject => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "egress", namespace: "shop" },
    spec: { podSelector: { matchLabels: { app: "guarded" } }, policyTypes: ["Egress"], ...spec },
  });
  const compare = (kubernetes: readonly JsonObject[]): Proof => {
    const sides: PolicySide[] = [
      calicoSide([...readPairSide("ministryofjustice+imds", "before"), ...kubernetes]),
      ciliumSide([...readPairSide("ministryofjustice+imds", "after"), ...kubernetes], small.cilium),
    ];
    return provePolicies({
      before: sides[0] as PolicySide,
      after: sides[1] as PolicySide,
      world: small,
      mode: "closed",
    });
  };

  test("alone it is equal: the Log decides nothing and the list of namespaces is the same", () => {
    expect(compare([])).toMatchObject({ equal: true, differences: [] });
  });

  test("the Calico form cancelled every egress policy of Kubernetes; the Cilium form lets them bite", () => {
    const found = compare([knp({ egress: [] })]);

    expect(found.differences.map(line)).toEqual([
      "closed shop/guarded > shop/cart TCP 80: GlobalNetworkPolicy/deny-aws-imds egress[2] | default deny",
    ]);
  });

  test("a pod that a Kubernetes policy lets reach the metadata service cannot any more", () => {
    const found = compare([knp({ egress: [{ to: [{ ipBlock: { cidr: "169.254.169.254/32" } }] }] })]);

    expect(found.differences.map(line)).toContain(
      "closed shop/guarded > 169.254.169.254 TCP 80: NetworkPolicy/shop/egress egress[0] | CiliumClusterwideNetworkPolicy/deny-imds-non-system egressDeny[0]",
    );
  });
});
