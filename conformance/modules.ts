import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Cilium's releases whose charts and schemas judge, oldest first. */
export const ciliumVersions = ["1.18.11", "1.19.6", "1.20.2"] as const;

/** Go modules that hold charts and schemas; the Go client fetches them and checks their sums. None is compiled. */
const modules = {
  ...Object.fromEntries(ciliumVersions.map((version) => [`cilium ${version}`, `github.com/cilium/cilium@v${version}`])),
  kubernetes: "k8s.io/kubernetes@v1.36.3",
  "argo-cd": "github.com/argoproj/argo-cd/v3@v3.5.7",
  "kustomize-controller": "github.com/fluxcd/kustomize-controller@v1.9.6",
  "source-controller": "github.com/fluxcd/source-controller@v1.9.6",
  "helm-controller": "github.com/fluxcd/helm-controller@v1.6.3",
  // Branch v3.28 of Calico, the only one that Go's client finds: module and releases number their versions differently.
  calico: "github.com/projectcalico/calico@v1.11.0-cni-plugin.0.20250813170300-a0db560f0520",
} as const satisfies Record<string, string>;

/** Folders of the modules by their short names: `cilium 1.20.2`, `kubernetes`, `argo-cd`, … */
export type ModuleFolders = ReadonlyMap<string, string>;

/** Fetches every module that is not there yet; throws what the Go client says when it cannot. */
export function fetchModules(): ModuleFolders {
  // Outside of any module, so that no go.mod changes the answer.
  const folder = mkdtempSync(join(tmpdir(), "metachron-modules-"));
  try {
    const text = execFileSync("go", ["mod", "download", "-json", ...Object.values(modules)], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, GOFLAGS: "-mod=mod", GOWORK: "off" },
      maxBuffer: 2 ** 26,
    });
    const found = new Map(
      text
        .split(/^(?=\{)/mu)
        .filter((part) => part.trim() !== "")
        .map((part) => JSON.parse(part) as { readonly Path: string; readonly Version: string; readonly Dir: string })
        .map((module) => [`${module.Path}@${module.Version}`, module.Dir]),
    );
    return new Map(Object.entries(modules).map(([name, module]) => [name, found.get(module) ?? ""]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
