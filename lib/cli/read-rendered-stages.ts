import { readdir } from "node:fs/promises";
import { join, sep } from "node:path";
import { compareText } from "../core/order.ts";
import { readTextFile } from "../io/read-text-file.ts";
import type { Plan } from "../plan/plan.ts";
import { isNodeConfigFile, isOpened, type RenderedStages, renderedStagesOf } from "../stages/rendered-stages.ts";

/**
 * What the tree that was rendered before says: waves and new nodes from their CiliumNodeConfigs, and the bodies of stages that
 * were opened; nothing where there is no tree yet.
 */
export async function readRenderedStages(out: string, plan: Plan): Promise<RenderedStages> {
  const folder = join(out, plan.name, "stages");
  const stages = await readdir(folder).catch(() => []);
  const read: [string, ReadonlyMap<string, string>][] = [];
  for (const id of stages.sort(compareText)) {
    const paths = await readdir(join(folder, id), { recursive: true }).catch(() => []);
    const wanted = isOpened(plan, id) ? paths.filter(isFilePath) : paths.filter(isNodeConfigFile);
    read.push([id, await readFiles(join(folder, id), wanted)]);
  }
  return renderedStagesOf(plan, read);
}

/** Every file that we write has an ending, and no folder has one. */
function isFilePath(path: string): boolean {
  return /\.[a-z]+$/u.test(path);
}

async function readFiles(folder: string, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const path of [...paths].sort(compareText)) {
    const text = await readTextFile(join(folder, path));
    if (text.value !== undefined) files.set(path.split(sep).join("/"), text.value);
  }
  return files;
}
