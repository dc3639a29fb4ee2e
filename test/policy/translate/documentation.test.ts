import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { corpus, proveFile } from "./prove-file.ts";

const calico = "docs/projectcalico+calico/calico";
const recipes = "docs/ahmetb+kubernetes-network-policy-recipes";

/** What an example says, its file, what became of it, the codes of its findings. */
type Row = readonly [example: string, file: string, result: string, codes: string];

/** Calico's own documentation; what the emitted policy decides is proven for each of them. */
const lossless: readonly Row[] = [
  ["hosts: allow all during an upgrade", "_includes/content/hostendpoints-upgrade.fence03", "exact", "POL039"],
  ["deny by default, DNS stays", "about/about-network-policy.fence02", "exact", ""],
  ["Windows: one pod to another", "getting-started/windows-calico/demo.fence12", "exact", ""],
  ["Windows: destination selector in ingress", "getting-started/windows-calico/limitations.fence04", "exact", ""],
  ["Windows: the same as a subject", "getting-started/windows-calico/limitations.fence05", "exact", ""],
  ["OpenStack: two projects deny each other", "networking/openstack/labels.fence01", "exact exact", ""],
  ["OpenStack: security groups", "networking/openstack/multiple-regions.fence04", "exact", ""],
  ["reference: GlobalNetworkPolicy", "reference/resources/globalnetworkpolicy.fence01", "exact", ""],
  ["reference: NetworkPolicy", "reference/resources/networkpolicy.fence01", "exact", ""],
  ["service accounts by name, namespace by label", "security/adopt-zero-trust.fence01", "exact", ""],
  ["no spec, of a namespace", "security/calico-network-policy.fence01", "exact", ""],
  ["no spec, global", "security/calico-network-policy.fence02", "exact", ""],
  ["blue to red in one namespace", "security/calico-network-policy.fence03", "exact", ""],
  ["blue of a circle namespace to red", "security/calico-network-policy.fence04", "exact", ""],
  ["deny blue", "security/calico-network-policy.fence05", "exact", ""],
  ["deny blue of circle namespaces", "security/calico-network-policy.fence06", "exact", ""],
  ["deny a prefix outside", "security/calico-network-policy.fence07", "exact", ""],
  ["metrics: hosts default to allow", "security/comms/secure-metrics.fence01", "exact", ""],
  ["metrics: deny 9091 but for Prometheus", "security/comms/secure-metrics.fence07", "exact", ""],
  ["metrics: deny 9093 but for Prometheus", "security/comms/secure-metrics.fence11", "exact", ""],
  ["metrics: deny 9094 but for Prometheus", "security/comms/secure-metrics.fence13", "exact", ""],
  ["metrics: allow Prometheus to 9091", "security/comms/secure-metrics.fence19", "exact", ""],
  ["metrics: allow Prometheus to 9093", "security/comms/secure-metrics.fence23", "exact", ""],
  ["metrics: allow Prometheus to 9094", "security/comms/secure-metrics.fence25", "exact", ""],
  ["allow a prefix outside", "security/external-ips-policy.fence01", "exact", ""],
  ["deny ICMP of all kinds", "security/icmp-ping.fence01", "exact", ""],
  ["allow ping in the cluster", "security/icmp-ping.fence02", "exact", ""],
  ["deny all, global", "security/kubernetes-default-deny.fence01", "exact", ""],
  ["deny by default outside system namespaces", "security/kubernetes-default-deny.fence02", "exact", ""],
  ["deny all of a namespace", "security/kubernetes-default-deny.fence03", "exact", ""],
  ["hosts: allow what goes out", "security/kubernetes-node-ports.fence02", "exact", ""],
  ["hosts: into the control plane", "security/kubernetes-nodes.fence08", "exact", "POL014"],
  ["hosts: into the workers", "security/kubernetes-nodes.fence10", "exact", "POL014"],
  ["development namespaces among themselves", "security/namespace-policy.fence03", "exact", ""],
  ["service accounts by name", "security/service-accounts.fence01", "exact", ""],
  ["nodes to the pods of a Service", "security/services-cluster-ips.fence04", "exact", ""],
  [
    "Istio: service account of any namespace",
    "security/tutorials/app-layer-policy/enforce-policy-istio.fence05",
    "exact",
    "",
  ],
  ["tutorial: deny by default", "security/tutorials/calico-policy.fence06", "exact", ""],
  ["tutorial: all egress of one pod", "security/tutorials/calico-policy.fence11", "exact", ""],
  ["tutorial: one pod into nginx", "security/tutorials/calico-policy.fence15", "exact", ""],
  ["tutorial: hosts may go out", "security/tutorials/protect-hosts.fence02", "exact", ""],
];

/** Cilium's HTTP rules are for TCP; as our model of Calico has it, a rule without a protocol lets others pass. */
const http: readonly Row[] = [
  ["methods and paths", "security/http-methods.fence01", "partial", "POL037"],
  ["Istio: GET alone", "security/tutorials/app-layer-policy/enforce-policy-istio.fence04", "partial", "POL037"],
];

/** A rule needs objects of the cluster that the example does not bring. */
const partial: readonly Row[] = [
  ["service accounts by label, zero trust", "security/adopt-zero-trust.fence02", "partial", "POL025"],
  ["service accounts by label", "security/service-accounts.fence02", "partial", "POL025"],
  ["to the API server's Service", "security/service-policy.fence01", "partial", "POL036"],
  ["to the DNS Service", "security/service-policy.fence02", "partial", "POL036"],
  ["from a Service", "security/service-policy.fence03", "partial", "POL036"],
  ["from a Service to a port", "security/service-policy.fence04", "partial", "POL036"],
];

const refused: readonly Row[] = [
  ["capitals: no name, no spec", "security/calico-network-policy.fence10", "refused", "POL002 POL003"],
  ["untracked deny", "security/defend-dos-attack.fence03", "refused", "POL062"],
  ["untracked external addresses", "security/external-ips-policy.fence03", "refused refused", "POL062"],
  ["untracked memcached", "security/high-connection-workloads.fence01", "refused", "POL062"],
  ["what nodes forward", "security/host-forwarded-traffic.fence01", "refused", "POL063"],
  ["label of Calico's own host endpoints", "security/icmp-ping.fence03", "refused", "POL060"],
  ["before the Service is chosen, cluster only", "security/kubernetes-node-ports.fence01", "refused", "POL061"],
  ["before the Service is chosen, a node port", "security/kubernetes-node-ports.fence04", "refused", "POL061"],
  ["placeholders for addresses", "security/protect-hosts.fence01", "refused", "POL002"],
  ["subject by its service account's label", "security/service-accounts.fence03", "refused", "POL025"],
  ["cluster IPs", "security/services-cluster-ips.fence01", "refused", "POL061"],
  ["what is forwarded to pods", "security/services-cluster-ips.fence02", "refused", "POL061"],
  ["rules below types", "security/services-cluster-ips.fence03", "refused", "POL001"],
  ["tutorial: hosts deny other ingress", "security/tutorials/protect-hosts.fence01", "refused refused", "POL061"],
  ["tutorial: hosts, a node port", "security/tutorials/protect-hosts.fence04", "refused", "POL061"],
];

/** Policies of Kubernetes' own kind: Cilium enforces them as they are, nothing is emitted. */
const kept: readonly string[] = [
  "01-deny-all-traffic-to-an-application.fence01",
  "02-limit-traffic-to-an-application.fence01",
  "02a-allow-all-traffic-to-an-application.fence01",
  "03-deny-all-non-whitelisted-traffic-in-the-namespace.fence01",
  "04-deny-traffic-from-other-namespaces.fence02",
  "05-allow-traffic-from-all-namespaces.fence02",
  "06-allow-traffic-from-a-namespace.fence03",
  "07-allow-traffic-from-some-pods-in-another-namespace.fence01",
  "08-allow-external-traffic.fence02",
  "09-allow-traffic-only-to-a-port.fence01",
  "10-allowing-traffic-with-multiple-selectors.fence01",
  "11-deny-egress-traffic-from-an-application.fence01",
  "11-deny-egress-traffic-from-an-application.fence04",
  "12-deny-all-non-whitelisted-traffic-from-the-namespace.fence01",
  "14-deny-external-egress-traffic.fence01",
];

function filesWithCalicoPolicies(): string[] {
  return readdirSync(join(corpus, calico), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".yaml"))
    .map((entry) => relative(join(corpus, calico), join(entry.parentPath, entry.name)).replace(".yaml", ""))
    .filter((file) => proveFile(`${calico}/${file}.yaml`).translation.policies.length > 0)
    .sort();
}

function translated(file: string): { result: string; codes: string; directions: string[] } {
  const { translation, proof } = proveFile(`${calico}/${file}.yaml`);
  const codes = translation.policies.flatMap(({ findings }) => findings.map(({ code }) => code));
  return {
    result: translation.policies.map(({ result }) => result).join(" "),
    codes: [...new Set(codes)].sort().join(" "),
    directions: [...new Set(proof.differences.map(({ direction }) => direction))],
  };
}

describe("the examples of Calico's documentation", () => {
  test("are all in one of the tables, as far as they hold policies of Calico", () => {
    const listed = [...lossless, ...http, ...partial, ...refused].map(([, file]) => file).sort();

    expect(listed).toEqual(filesWithCalicoPolicies());
  });

  test.each(lossless)("%s (%s) decide the same", (_example, file, result, codes) => {
    expect(translated(file)).toEqual({ result, codes, directions: [] });
  });

  test.each(http)("%s (%s) close what is no TCP", (_example, file, result, codes) => {
    expect(translated(file)).toEqual({ result, codes, directions: ["closed"] });
  });

  test.each(partial)("%s (%s) never open", (_example, file, result, codes) => {
    const { directions, ...rest } = translated(file);

    expect(rest).toEqual({ result, codes });
    expect(directions).not.toContain("opened");
  });

  test.each(refused)("%s (%s) are refused", (_example, file, result, codes) => {
    expect(translated(file)).toMatchObject({ result, codes });
  });
});

test.each(kept)("the Kubernetes recipe %s stays and decides the same", (file) => {
  const { translation, proof } = proveFile(`${recipes}/${file}.yaml`);

  expect(translation.policies).toEqual([]);
  expect(proof.equal).toBe(true);
  expect(proof.world.flows).toBeGreaterThan(0);
});
