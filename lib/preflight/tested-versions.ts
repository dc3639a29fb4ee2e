/** A line of Cilium releases: the release that its charts were read from, and the Kubernetes minors that it is tested with. */
interface TestedRelease {
  readonly minor: string;
  readonly version: string;
  readonly kubernetes: readonly number[];
}

/** Newest first. Source: cilium/cilium Documentation/network/kubernetes/compatibility.rst of v1.18.11, v1.19.6 and v1.20.2. */
const testedReleases: readonly TestedRelease[] = [
  { minor: "1.20", version: "1.20.2", kubernetes: [33, 34, 35, 36] },
  { minor: "1.19", version: "1.19.6", kubernetes: [31, 32, 33, 34] },
  { minor: "1.18", version: "1.18.11", kubernetes: [30, 31, 32, 33] },
];

/** The minor of a Kubernetes version (`v1.31.6+k3s1`: 31); `undefined` for any other text. */
export function kubernetesMinor(version: string): number | undefined {
  const [, minor] = /^v?1\.(\d+)/u.exec(version) ?? [];
  return minor === undefined ? undefined : Number(minor);
}

/** Kubernetes minors that a Cilium minor (`1.20`) is tested with; empty for one that is not known. */
export function testedKubernetes(ciliumMinor: string): readonly number[] {
  return testedReleases.find(({ minor }) => minor === ciliumMinor)?.kubernetes ?? [];
}

/** Cilium minors that are tested with a Kubernetes minor, oldest first. */
export function testedCiliumMinors(kubernetes: number): readonly string[] {
  return testedReleases
    .flatMap((release) => (release.kubernetes.includes(kubernetes) ? [release.minor] : []))
    .reverse();
}

/** The newest release of Cilium that is tested with every one of these Kubernetes minors; `undefined` where there is none. */
export function newestTestedCilium(kubernetes: readonly number[]): string | undefined {
  return testedReleases.find((release) => kubernetes.every((minor) => release.kubernetes.includes(minor)))?.version;
}
