import type { WorldPod } from "./world.ts";

/**
 * The same function, worked out once for pods that share labels, namespace and account, as the pods of one workload do: an
 * inventory has equal labels as one value. `work` must read nothing else of a pod.
 */
export function onceForLabels<Value>(work: (pod: WorldPod) => Value): (pod: WorldPod) => Value {
  const known = new WeakMap<WorldPod["labels"], Map<string, Value>>();
  return (pod) => {
    const own = known.get(pod.labels) ?? new Map<string, Value>();
    if (own.size === 0) known.set(pod.labels, own);
    const key = `${pod.namespace}/${pod.serviceAccount}`;
    const found = own.get(key);
    if (found !== undefined) return found;
    const value = work(pod);
    own.set(key, value);
    return value;
  };
}
