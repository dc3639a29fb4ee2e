import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { compareText } from "../core/order.ts";
import { readTextFile } from "../io/read-text-file.ts";
import { type RenderedStages, renderedStagesOf } from "../stages/rendered-stages.ts";

/** What the tree that was rendered before says of waves and new nodes, read from its CiliumNodeConfigs; nothing where there is no tree yet. */
export async function readRenderedStages(out: string, plan: string): Promise<RenderedStages> {
  const folder = join(out, plan, "stages");
  const stages = await readdir(folder).catch(() => []);
  const texts: [string, string][] = [];
  for (const id of stages.sort(compareText)) {
    const files = await readdir(join(folder, id)).catch(() => []);
    const file = files.find((name) => /^10-ciliumnodeconfig-.*\.yaml$/u.test(name));
    if (file === undefined) continue;
    const text = await readTextFile(join(folder, id, file));
    if (text.value !== undefined) texts.push([id, text.value]);
  }
  return renderedStagesOf(texts);
}
