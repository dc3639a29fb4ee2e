import { expect, test } from "vitest";
import type { Pod } from "../../lib/inventory/inventory.ts";
import type { SourceDetection, SourceFacts } from "../../lib/source/source.ts";
import { hostPortsThroughCNI, hostPortText } from "../../lib/target/host-ports.ts";
import { chooseTunnel } from "../../lib/target/tunnel.ts";
import { detection, facts, inventory, pod, port, threeNodes } from "./cluster.ts";

const noPort = undefined as never;
const onHost = (number: number, protocol: "TCP" | "UDP" = "UDP"): Pod =>
  pod("daemon", "172.18.0.2", { isHostNetwork: true, ports: [port(number, undefined, protocol)] });

const rows: readonly (readonly [
  rule: string,
  source: SourceDetection["source"],
  own: Partial<SourceFacts>,
  pods: readonly Pod[],
  port: number,
])[] = [
  ["flannel has 8472", "flannel", {}, [], 8473],
  ["flannel without a told port has its default", "canal", { tunnelPort: noPort }, [], 8473],
  ["flannel on another port leaves 8472", "flannel", { tunnelPort: 4789 }, [], 8472],
  ["flannel host-gw has none", "flannel", { encapsulation: "none", tunnelPort: noPort }, [], 8472],
  ["Calico without a told port has 4789", "calico", { tunnelPort: noPort }, [], 8472],
  [
    "a source that shows no encapsulation may have 8472",
    "weave",
    { encapsulation: "unknown", tunnelPort: noPort },
    [],
    8473,
  ],
  ["a daemon on the host has 8472", "calico", { tunnelPort: 4789 }, [onHost(8472)], 8473],
  ["a daemon has the next port too", "canal", {}, [onHost(8473)], 8474],
  ["TCP does not count", "calico", { tunnelPort: 4789 }, [onHost(8472, "TCP")], 8472],
];

test.each(rows)("%s", (_rule, source, own, pods, expected) => {
  expect(chooseTunnel(inventory(threeNodes, pods), detection(source, facts(own)))).toMatchObject({
    protocol: "vxlan",
    port: expected,
  });
});

test("hostPorts are told by port and owner, of templates too, and not of the host network or finished pods", () => {
  const template = (kind: string, name: string, hostNetwork: boolean) => ({
    apiVersion: "apps/v1",
    kind,
    metadata: { name, namespace: "default" },
    spec: { template: { spec: { hostNetwork, containers: [{ ports: [{ containerPort: 80, hostPort: 8080 }] }] } } },
  });
  const web = { workload: { apiVersion: "apps/v1", kind: "DaemonSet", name: "web" }, ports: [port(53, 53, "UDP")] };

  const found = hostPortsThroughCNI(
    inventory(
      threeNodes,
      [
        pod("web-1", "10.244.0.2", web),
        pod("web-2", "10.244.1.2", web),
        pod("done", "10.244.0.3", { phase: "Succeeded", ports: [port(1, 1)] }),
        pod("host", "172.18.0.2", { isHostNetwork: true, ports: [port(2, 2)] }),
      ],
      [template("Deployment", "idle", false), template("DaemonSet", "agent", true)],
    ),
  );

  expect(found).toEqual([
    { port: 53, protocol: "UDP", owner: "DaemonSet/default/web" },
    { port: 8080, protocol: "TCP", owner: "Deployment/default/idle" },
  ]);
  expect(hostPortText(found)).toBe("53/UDP, 8080/TCP");
  expect(hostPortText([1, 2, 3, 4, 5, 6, 7].map((number) => ({ port: number, protocol: "TCP", owner: "x" })))).toBe(
    "1/TCP, 2/TCP, 3/TCP, 4/TCP, 5/TCP and 2 more",
  );
});
