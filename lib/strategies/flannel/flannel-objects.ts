import { getArray, getString, getStringMap, isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { type Inventory, objectsOf } from "../../inventory/inventory.ts";
import type { SourceDetection } from "../../source/source.ts";

/** Copies the plugin `flannel` to the host. Source: flannel-io/flannel v0.28.9 Documentation/kube-flannel.yml. */
const pluginImage = "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel3";

/**
 * Canal's DaemonSet and ConfigMap without Calico: its name, its account and its flannel stay, so that nothing of flannel's overlay
 * changes. `undefined` where the inventory does not hold them.
 *
 * The CNI network keeps its name, because host-local keeps its leases in a folder of that name: an address that a pod of Calico
 * still has on a node is given to nobody else. `OnDelete`: a node changes when a person deletes its pod, and not before.
 * Source: containernetworking/plugins host-local, `dataDir`/<network name>; flannel-io/cni-plugin, delegate to `bridge`.
 */
export function flannelObjects(
  inventory: Inventory,
  source: SourceDetection,
): { readonly daemonSet: JsonObject; readonly configMap: JsonObject } | undefined {
  const found = objectsOf(inventory, "DaemonSet", "apps").find((object) =>
    source.facts.daemonSets.includes(`${object.namespace}/${object.name}`),
  );
  if (found === undefined) return undefined;
  const template = child(child(found.object, "spec"), "template");
  const pod = child(template, "spec");
  const flannel = getArray(pod, "containers").filter((one) => /flannel/u.test(getString(one, "name") ?? ""));
  const configName = configNameOf(pod);
  const config = objectsOf(inventory, "ConfigMap", "").find(
    (object) => object.name === configName && object.namespace === found.namespace,
  );
  if (flannel.length === 0 || config === undefined) return undefined;
  const metadata = { name: found.name, namespace: found.namespace ?? "kube-system", labels: found.labels };
  const mounts = new Set(
    flannel.flatMap((one) => getArray(one, "volumeMounts").map((mount) => getString(mount, "name"))),
  );
  const volumes = getArray(pod, "volumes").filter((volume) => mounts.has(getString(volume, "name")));
  const image = getString(flannel[0], "image") ?? "";
  return {
    daemonSet: {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata,
      spec: {
        ...child(found.object, "spec"),
        updateStrategy: { type: "OnDelete" },
        template: {
          ...template,
          spec: {
            ...pod,
            initContainers: initContainers(image),
            containers: flannel,
            volumes: [
              ...volumes.filter((volume) => !added.has(getString(volume, "name") ?? "")),
              ...hostVolumes(source),
              configVolume(configName),
            ],
          },
        },
      },
    },
    configMap: {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: configName, namespace: config.namespace ?? "kube-system", labels: config.labels },
      data: { ...flannelData(getStringMap(config.object, "data")), "cni-conf.json": cniConfig(source) },
    },
  };
}

function child(object: JsonValue | undefined, key: string): JsonObject {
  const value = isJsonObject(object) ? object[key] : undefined;
  return isJsonObject(value) ? value : {};
}

function configNameOf(pod: JsonObject): string {
  const names = getArray(pod, "volumes").flatMap((volume) => getString(volume, "configMap", "name") ?? []);
  return names[0] ?? "canal-config";
}

/** What flannel reads of Canal's settings; the rest is Calico's. */
function flannelData(data: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const kept = ["canal_iface", "canal_iface_regex", "masquerade", "net-conf.json"];
  return Object.fromEntries(Object.entries(data).filter(([key]) => kept.includes(key)));
}

function cniConfig({ facts }: SourceDetection): string {
  const config = {
    name: facts.cniNetworkName ?? "k8s-pod-network",
    cniVersion: "0.3.1",
    plugins: [
      { type: "flannel", delegate: { hairpinMode: true, isDefaultGateway: true } },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

const added = new Set(["metachron-cni-bin", "metachron-cni-net", "metachron-config"]);

function initContainers(image: string): readonly JsonObject[] {
  return [
    {
      name: "install-cni-plugin",
      image: pluginImage,
      command: ["cp"],
      args: ["-f", "/flannel", "/opt/cni/bin/flannel"],
      volumeMounts: [{ name: "metachron-cni-bin", mountPath: "/opt/cni/bin" }],
    },
    {
      name: "install-cni",
      image,
      command: ["cp"],
      args: ["-f", "/etc/kube-flannel/cni-conf.json", "/etc/cni/net.d/10-flannel.conflist"],
      volumeMounts: [
        { name: "metachron-cni-net", mountPath: "/etc/cni/net.d" },
        { name: "metachron-config", mountPath: "/etc/kube-flannel/" },
      ],
    },
  ];
}

function hostVolumes({ facts }: SourceDetection): readonly JsonObject[] {
  return [
    { name: "metachron-cni-bin", hostPath: { path: facts.cniBinDirectory, type: "DirectoryOrCreate" } },
    { name: "metachron-cni-net", hostPath: { path: facts.cniConfDirectory, type: "DirectoryOrCreate" } },
  ];
}

function configVolume(name: string): JsonObject {
  return { name: "metachron-config", configMap: { name } };
}
