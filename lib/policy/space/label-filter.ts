/** One entry of Cilium's label filter. */
interface Pattern {
  readonly source: string;
  readonly expression: RegExp;
  readonly isExclusion: boolean;
}

/** Cilium's default list, as regular expressions over keys; `!` excludes. */
const defaults: readonly string[] = [
  "reserved:.*",
  "io\\.kubernetes\\.pod\\.namespace",
  "io\\.cilium\\.k8s\\.namespace\\.labels",
  "app\\.kubernetes\\.io",
  "io\\.cilium\\.k8s\\.policy\\.cluster",
  "io\\.cilium\\.k8s\\.policy\\.serviceaccount",
  "!io\\.kubernetes",
  "!kubernetes\\.io",
  "!statefulset\\.kubernetes\\.io/pod-name",
  "!apps\\.kubernetes\\.io/pod-index",
  "!batch\\.kubernetes\\.io/job-completion-index",
  "!batch\\.kubernetes\\.io/controller-uid",
  "!.*beta\\.kubernetes\\.io",
  "!k8s\\.io",
  "!pod-template-generation",
  "!pod-template-hash",
  "!controller-revision-hash",
  "!controller-uid",
  "!annotation.*",
  "!etcd_node",
  "!topology\\.kubernetes\\.io",
];

/**
 * The label filter of the agents as a test of pod label keys: `true` when the key is part of a pod's identity, so that a
 * selector can see it. `entries` are the words of the Helm value `labels`; an entry without `!` turns the filter into an
 * allow-list. Entries that are no regular expression are left out: the agent would not start with them.
 *
 * A key is kept when no exclusion matches (and there is no allow-list), or when the longest matching inclusion is longer
 * than the shortest matching exclusion; a pattern matches at the start of the key.
 * Source: cilium 1.20.2 pkg/labelsfilter/filter.go (the same in 1.18.11 and 1.19.6).
 */
export function createLabelFilter(entries: readonly string[]): (podLabelKey: string) => boolean {
  const own = entries.flatMap((entry) => parsePattern(entry) ?? []);
  const patterns = [...defaults.flatMap((entry) => parsePattern(entry) ?? []), ...own];
  const isAllowList = own.some((pattern) => !pattern.isExclusion);
  const known = new Map<string, boolean>();
  return (key) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    const isKept = decide(key, patterns, isAllowList);
    known.set(key, isKept);
    return isKept;
  };
}

function decide(key: string, patterns: readonly Pattern[], isAllowList: boolean): boolean {
  let included = 0;
  let excluded = 0;
  for (const pattern of patterns) {
    if (pattern.source !== "" && pattern.source !== "k8s") continue;
    const match = pattern.expression.exec(key);
    if (match?.index !== 0) continue;
    const length = match[0].length;
    if (!pattern.isExclusion) included = Math.max(included, length);
    else if (excluded === 0 || length < excluded) excluded = length;
  }
  return (!isAllowList && excluded === 0) || included > excluded;
}

function parsePattern(entry: string): Pattern | undefined {
  const colon = entry.indexOf(":");
  const source = colon < 0 ? "" : entry.slice(0, colon);
  const text = colon < 0 ? entry : entry.slice(colon + 1);
  const isExclusion = text.startsWith("!");
  try {
    return { source, expression: new RegExp(isExclusion ? text.slice(1) : text), isExclusion };
  } catch {
    return undefined;
  }
}
