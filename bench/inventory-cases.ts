import { join } from "node:path";
import type { Case } from "./figure.ts";
import { measureOwn } from "./measure.ts";
import { writeCluster } from "./write-cluster.ts";

/** Reading dumps: as kubectl writes them, one file for each kind or one List of everything. */
export function inventoryCases(folder: string): readonly Case[] {
  const sizes = [
    { nodes: 1000, pods: 20_000, layout: "kinds" },
    { nodes: 5000, pods: 50_000, layout: "kinds" },
    { nodes: 5000, pods: 50_000, layout: "one-list" },
  ] as const;
  const dumps = sizes.flatMap(({ nodes, pods, layout }) =>
    (["json", "yaml"] as const).map(
      (format): Case => ({
        group: "inventory",
        name: `${nodes} nodes, ${pods} pods, ${layout === "kinds" ? "a List for each kind" : "one List"}, ${format}`,
        goal: { megabytes: 1024 },
        run: async () => {
          const path = join(folder, `${nodes}-${pods}-${layout}-${format}`);
          const bytes = await writeCluster(path, { nodes, pods }, { format, layout });
          const figure = await measureOwn("inventory-child.js", ["metachron", path]);
          return { ...figure, result: `${Math.round(bytes / 1e6)} MB, ${figure.result}` };
        },
      }),
    ),
  );
  return [...dumps, besideParser(folder, "json", 50_000), besideParser(folder, "yaml", 2000)];
}

/** One List of pods, checked and typed, beside a parser that only makes the values. */
function besideParser(folder: string, format: "json" | "yaml", pods: number): Case {
  const path = join(folder, `pods-${format}`);
  const file = join(path, `pods.${format}`);
  return {
    group: "inventory",
    name: `${pods} pods in one List of ${format}`,
    run: async () => {
      await writeCluster(path, { nodes: pods / 20, pods }, { format, layout: "kinds" });
      return measureOwn("inventory-child.js", ["metachron", file]);
    },
    peer: {
      name: format === "json" ? "JSON.parse" : "yaml's parse",
      run: () => measureOwn("inventory-child.js", [format, file]),
    },
  };
}
