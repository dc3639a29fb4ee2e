import type { Workload, WorkloadContainer } from "./workload.ts";

/** The path of an image without registry port, tag and digest: `quay.io/calico/node`. */
function imagePath(image: string): string {
  return image.replace(/@.*$/u, "").replace(/:[^/]*$/u, "");
}

/** Whether an image's path ends in one of the given forms; mirrors keep at least the end of the path. */
export function isImage(image: string, ends: RegExp): boolean {
  return ends.test(imagePath(image));
}

/** Whether any container that stays running (no init container) satisfies the test. */
export function hasContainer(workload: Workload, test: (container: WorkloadContainer) => boolean): boolean {
  return workload.containers.some(test);
}

// calico/calico is the single image since v3.33; hardened-calico is RKE2's, cnx-node the enterprise product's.
const calicoNode = /(?:^|\/)(?:calico\/node|calico\/calico|(?:mirrored-)?calico-node|hardened-calico|cnx-node)$/u;
const flanneld = /(?:^|\/)(?:mirrored-|hardened-)?(?:flannelcni-|flannel-)?flannel$/u;

/** Whether a container is Calico's node agent, by name or image. */
export function isCalicoNode(container: WorkloadContainer): boolean {
  return container.name === "calico-node" || isImage(container.image, calicoNode);
}

/** Whether a container is flanneld, by name or image. */
export function isFlanneld(container: WorkloadContainer): boolean {
  return container.name === "kube-flannel" || container.name === "flannel" || isImage(container.image, flanneld);
}
