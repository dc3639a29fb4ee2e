import type { Checked, Finding } from "../../lib/core/finding.ts";
import type { Inventory } from "../../lib/inventory/inventory.ts";
import { readInventory, readManifests } from "../../lib/inventory/read-inventory.ts";
import type { SourceFile } from "../../lib/inventory/source-file.ts";

/** Files out of texts by name, handed over in chunks of some size. */
function sourceFiles(texts: Readonly<Record<string, string>>, chunkSize = 1_000_000): SourceFile[] {
  return Object.entries(texts).map(([name, text]) => {
    const chunks: string[] = [];
    for (let at = 0; at < text.length; at += chunkSize) chunks.push(text.slice(at, at + chunkSize));
    return { name, chunks };
  });
}

export function readManifestTexts(
  texts: Readonly<Record<string, string>>,
  chunkSize?: number,
): Promise<Checked<Inventory>> {
  return readManifests(sourceFiles(texts, chunkSize));
}

export function readInventoryTexts(texts: Readonly<Record<string, string>>): Promise<Checked<Inventory>> {
  return readInventory(sourceFiles(texts));
}

/** A finding in one line: `error inventory/syntax a.yaml:3:7`. */
export function brief({ severity, code, where }: Finding): string {
  const place = [where?.file, where?.line, where?.column].filter((part) => part !== undefined).join(":");
  return [severity, code, place].filter((part) => part !== "").join(" ");
}

/** An inventory as plain data without positions, to compare whole. */
export function plain(inventory: Inventory | undefined): unknown {
  if (inventory === undefined) return undefined;
  return JSON.parse(
    JSON.stringify({
      ...inventory,
      objects: [...inventory.objects],
      kindsSeen: [...inventory.kindsSeen],
    }),
    (key, value) => (key === "position" ? undefined : value),
  );
}
