import { kustomizationOf } from "../stages/kustomization.ts";
import type { DeliveryObjectFile } from "./delivery-file.ts";

/**
 * A kustomization.yaml that lists the given files of a folder in their order, and transforms nothing: the file that was
 * read is the object that is applied.
 */
export function kustomization(folder: string, files: readonly Pick<DeliveryObjectFile, "path">[]): DeliveryObjectFile {
  return {
    path: `${folder}/kustomization.yaml`,
    object: kustomizationOf(files.map((file) => file.path.slice(folder.length + 1))),
  };
}
