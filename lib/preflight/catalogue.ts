import type { CatalogueEntry } from "./catalogue-entry.ts";

/** Every question of the preflight, group by group. */
export const catalogue: readonly CatalogueEntry[] = [];
