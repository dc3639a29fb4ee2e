import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { compareText } from "../core/order.ts";
import { readTextFile } from "../io/read-text-file.ts";
import { renderedWaveOf } from "../stages/rendered-wave.ts";
import type { RenderedWave } from "../waves/waves.ts";

/** The waves of the tree that was rendered before, read from their CiliumNodeConfigs; none where there is no tree yet. */
export async function readRenderedWaves(out: string, plan: string): Promise<readonly RenderedWave[]> {
  const folder = join(out, plan, "stages");
  const stages = await readdir(folder).catch(() => []);
  const waves: RenderedWave[] = [];
  for (const id of stages.sort(compareText)) {
    const files = await readdir(join(folder, id)).catch(() => []);
    const file = files.find(
      (name) =>
        name === `10-ciliumnodeconfig-kube-system-metachron-${id}.yaml` || /^10-ciliumnodeconfig-.*\.yaml$/u.test(name),
    );
    if (file === undefined) continue;
    const text = await readTextFile(join(folder, id, file));
    const wave = text.value === undefined ? undefined : renderedWaveOf(id, text.value);
    if (wave !== undefined) waves.push(wave);
  }
  return waves;
}
