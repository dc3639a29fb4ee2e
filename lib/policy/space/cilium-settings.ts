import { getArray, getBoolean, getIn, getString, type JsonObject } from "../../core/json.ts";
import { sortedUnique } from "../../core/order.ts";
import type { CiliumSettings } from "./world.ts";

/**
 * What the agents will be told, read from Helm values and the release they are for. Values that are missing have the
 * chart's default of that release.
 *
 * `version` is a release (`1.20.2`, `v1.19.6`) or a minor version (`1.20`).
 * Source: cilium 1.18.11, 1.19.6 and 1.20.2, install/kubernetes/cilium/values.yaml and templates/cilium-configmap.yaml.
 * `extraConfig` wins over the value of the same setting, as in the ConfigMap it is written into.
 */
export function ciliumSettingsOf(values: JsonObject, version: string): CiliumSettings {
  const minorVersion = /^v?(\d+\.\d+)/u.exec(version)?.[1] ?? "1.20";
  const extra = (key: string): string | undefined => getString(values, "extraConfig", key);
  const flag = (key: string, value: boolean): boolean => {
    const text = extra(key);
    return text === undefined ? value : text === "true";
  };
  const isIPv4 = flag("enable-ipv4", getBoolean(values, "ipv4", "enabled") ?? true);
  const isIPv6 = flag("enable-ipv6", getBoolean(values, "ipv6", "enabled") ?? false);

  return {
    minorVersion,
    labelFilter: words(extra("labels") ?? getString(values, "labels") ?? ""),
    nodeSelectorLabels: flag("enable-node-selector-labels", getBoolean(values, "nodeSelectorLabels") ?? false),
    policyCIDRMatchMode: matchModes(values, extra("policy-cidr-match-mode")),
    policyDefaultLocalCluster: flag(
      "policy-default-local-cluster",
      getBoolean(values, "clustermesh", "policyDefaultLocalCluster") ?? minorVersion !== "1.18",
    ),
    hostFirewall: flag("enable-host-firewall", getBoolean(values, "hostFirewall", "enabled") ?? false),
    l7Proxy: flag("enable-l7-proxy", getBoolean(values, "l7Proxy") ?? true),
    sctp: flag("enable-sctp", getBoolean(values, "sctp", "enabled") ?? false),
    enableExtendedIPProtocols: flag("enable-extended-ip-protocols", false),
    families: [...(isIPv4 ? [4 as const] : []), ...(isIPv6 ? [6 as const] : [])],
    enforcementMode: enforcementMode(extra("enable-policy") ?? getString(values, "policyEnforcementMode")),
    clusterName: extra("cluster-name") ?? getString(values, "cluster", "name") ?? "default",
  };
}

function words(text: string): string[] {
  return text.split(/\s+/u).filter((word) => word !== "");
}

function matchModes(values: JsonObject, extra: string | undefined): ("nodes" | "pods")[] {
  const value = getIn(values, "policyCIDRMatchMode");
  const given =
    extra !== undefined
      ? words(extra.replaceAll(",", " "))
      : typeof value === "string"
        ? words(value.replaceAll(",", " "))
        : getArray(values, "policyCIDRMatchMode").map(String);
  return sortedUnique(given).filter((mode): mode is "nodes" | "pods" => mode === "nodes" || mode === "pods");
}

function enforcementMode(text: string | undefined): CiliumSettings["enforcementMode"] {
  const lower = text?.toLowerCase();
  return lower === "always" || lower === "never" ? lower : "default";
}
