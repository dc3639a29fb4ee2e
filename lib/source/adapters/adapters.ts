import type { SourceAdapter } from "../source-adapter.ts";
import { calico } from "./calico.ts";
import { canal } from "./canal.ts";
import { flannel } from "./flannel.ts";

/** Every network that we know, in the order in which equal evidence is decided. */
export const sourceAdapters: readonly SourceAdapter[] = [canal, calico, flannel];
