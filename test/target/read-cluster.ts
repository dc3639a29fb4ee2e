import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Inventory } from "../../lib/inventory/inventory.ts";
import { readInventory } from "../../lib/inventory/read-inventory.ts";

const root = resolve(import.meta.dirname, "../..");

/** Example clusters of the repository by their names. */
export const clusterFolders: Readonly<Record<string, string>> = {
  "kind-canal": "inventory/kind-canal",
  "calico-vxlan-prod": "test/fixtures/clusters/calico-vxlan-prod",
  "calico-multus": "test/fixtures/clusters/calico-multus",
  "flannel-k3s": "test/fixtures/clusters/flannel-k3s",
  "kube-router": "test/fixtures/clusters/kube-router",
  "ovn-kubernetes": "test/fixtures/clusters/ovn-kubernetes",
};

const read = new Map<string, Promise<Inventory>>();

/** The inventory of an example cluster, read as the product reads it, once in a test file. */
export function readCluster(name: string): Promise<Inventory> {
  const known = read.get(name) ?? readFolder(name);
  read.set(name, known);
  return known;
}

async function readFolder(name: string): Promise<Inventory> {
  const folder = join(root, clusterFolders[name] ?? name);
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .sort()
    .map((file) => ({
      name: join(clusterFolders[name] ?? name, file),
      chunks: [readFileSync(join(folder, file), "utf8")],
    }));
  const { value } = await readInventory(files);
  if (value === undefined) throw new Error(`no inventory in ${folder}`);
  return value;
}
