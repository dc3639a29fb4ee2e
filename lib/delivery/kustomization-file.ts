import { kustomizationOf } from "../stages/kustomization.ts";
import type { DeliveryObjectFile } from "./delivery-file.ts";

/** The kustomization.yaml of a folder, with the given files of that folder in their order. */
export function kustomizationFile(
  folder: string,
  files: readonly Pick<DeliveryObjectFile, "path">[],
): DeliveryObjectFile {
  const names = files.map((file) => file.path.slice(folder.length + 1));
  return { path: `${folder}/kustomization.yaml`, object: kustomizationOf(names) };
}
