import { getBoolean, getString, type JsonObject } from "../core/json.ts";
import { hostPortText } from "./host-ports.ts";
import { sharesDirectory } from "./operation-values.ts";
import type { ReasonedValue } from "./target.ts";
import type { TargetContext } from "./target-context.ts";

/**
 * The settings that a wave's CiliumNodeConfig gives its nodes' agents, each with its reason.
 *
 * The path of the CNI file is the one inside the agent's container, whatever directory of the host is mounted there.
 * `custom-cni-conf` has no reader in the agents of 1.18 to 1.20; it is kept because the migration guide lists it and
 * people compare. `final` are the final values: a node keeps the same CNI file when they take over.
 * Source: cilium/cilium v1.20.2 Documentation/installation/k8s-install-migration.rst, daemon/cmd/cni/config.go.
 */
export function nodeConfigReasons(context: TargetContext, final: JsonObject): ReasonedValue[] {
  const companion = sharesDirectory(context);
  const isExclusive = getBoolean(final, "cni", "exclusive") ?? companion === undefined;
  // kube-proxy replacement comes with the final values at the earliest: until then hostPorts need the plugin in any case.
  const portmap = context.hostPorts.length > 0 || getString(final, "cni", "chainingMode") === "portmap";
  return [
    {
      path: ["cni-chaining-mode"],
      value: portmap ? "portmap" : "none",
      why:
        context.hostPorts.length > 0
          ? `the node's portmap plugin serves the hostPorts ${hostPortText(context.hostPorts)}`
          : portmap
            ? "as in the final values"
            : "no hostPort needs the portmap plugin",
    },
    {
      path: ["cni-exclusive"],
      value: isExclusive ? "true" : "false",
      why: isExclusive
        ? "the source's file is renamed to *.cilium_bak, so that the runtime takes Cilium's"
        : `${companion ?? "another plugin"} keeps its file in the same directory`,
    },
    {
      path: ["cni-log-file"],
      value: getString(final, "cni", "logFile") ?? "/var/run/cilium/cilium-cni.log",
      why: "the chart leaves it out while customConf is true",
    },
    { path: ["custom-cni-conf"], value: "false", why: "as in the migration guide; no agent of 1.18 to 1.20 reads it" },
    {
      path: ["write-cni-conf-when-ready"],
      value: "/host/etc/cni/net.d/05-cilium.conflist",
      why: "the agent writes its CNI file once it is ready; 05 comes before every file of a source",
    },
  ];
}
