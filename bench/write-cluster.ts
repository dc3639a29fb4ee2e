import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { type ClusterSize, makeCluster } from "./make-cluster.ts";
import type { ListFormat } from "./print-kubectl.ts";

/** Writes a made-up cluster into a folder, as kubectl would; gives the size of the files in bytes. */
export async function writeCluster(
  folder: string,
  size: ClusterSize,
  { format, layout }: { readonly format: ListFormat; readonly layout: "kinds" | "one-list" },
): Promise<number> {
  await mkdir(folder, { recursive: true });
  let bytes = 0;
  for (const { name, chunks } of makeCluster(size, format, layout)) {
    const file = createWriteStream(join(folder, name));
    await pipeline(Readable.from(chunks), file);
    bytes += file.bytesWritten;
  }
  return bytes;
}

if (process.argv[1]?.endsWith("write-cluster.ts") === true) {
  const { values } = parseArgs({
    options: {
      nodes: { type: "string", default: "1000" },
      pods: { type: "string", default: "20000" },
      format: { type: "string", default: "yaml" },
      layout: { type: "string", default: "kinds" },
      out: { type: "string", default: "cluster" },
    },
  });
  const format = values.format === "json" ? "json" : "yaml";
  const layout = values.layout === "one-list" ? "one-list" : "kinds";
  const size = { nodes: Number(values.nodes), pods: Number(values.pods) };
  const bytes = await writeCluster(values.out, size, { format, layout });
  console.log(`${values.out}: ${size.nodes} nodes, ${size.pods} pods, ${Math.round(bytes / 1e6)} MB`);
}
