/**
 * JSON Schemas of the engine objects that we write, in our own words: the fields that we use and no other, with the types
 * that the CRDs of Argo CD 3.5, Flux 2.7 to 2.9 and kustomize 5.8 give them. Unknown fields are refused.
 */

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string", minLength: 1 };
const boolean: Schema = { type: "boolean" };
const count: Schema = { type: "integer", minimum: 0 };
const duration: Schema = { type: "string", pattern: "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$" };
const anyObject: Schema = { type: "object" };
const texts: Schema = { type: "object", additionalProperties: { type: "string" } };

function list(items: Schema): Schema {
  return { type: "array", items };
}

function oneOf(...values: readonly string[]): Schema {
  return { enum: values };
}

/** An object whose keys end in `?` where they may be missing; every other key is refused. */
function shape(fields: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(fields);
  return {
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(entries.map(([key, schema]) => [key.replace(/\?$/u, ""), schema])),
    required: entries.map(([key]) => key).filter((key) => !key.endsWith("?")),
  };
}

function object(apiVersion: string, kind: string, spec: Schema): Schema {
  const name: Schema = { type: "string", pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", maxLength: 63 };
  const metadata = shape({ name, namespace: name, labels: texts, "annotations?": texts });
  return shape({ apiVersion: { const: apiVersion }, kind: { const: kind }, metadata, spec });
}

const syncPolicy = shape({
  automated: shape({ enabled: boolean, prune: boolean, selfHeal: boolean, allowEmpty: boolean }),
  syncOptions: list(text),
  retry: shape({
    limit: count,
    "refresh?": boolean,
    "backoff?": shape({ duration, factor: count, maxDuration: duration }),
  }),
});

const application = shape({
  project: text,
  source: shape({
    repoURL: text,
    targetRevision: text,
    "path?": text,
    "chart?": text,
    "directory?": shape({ recurse: boolean }),
    "helm?": shape({ releaseName: text, valuesObject: anyObject }),
  }),
  destination: shape({ server: text, namespace: text }),
  syncPolicy,
  "revisionHistoryLimit?": count,
  "info?": list(shape({ name: text, value: text })),
});

const groupKind = shape({ group: { type: "string" }, kind: text, "name?": text });

const project = shape({
  description: { type: "string", maxLength: 255 },
  sourceRepos: list(text),
  destinations: list(shape({ server: text, namespace: text })),
  "clusterResourceWhitelist?": list(groupKind),
  "namespaceResourceBlacklist?": list(shape({ group: { type: "string" }, kind: text })),
  "namespaceResourceWhitelist?": list(shape({ group: { type: "string" }, kind: text })),
});

const kustomization = shape({
  sourceRef: shape({ kind: oneOf("GitRepository", "OCIRepository", "Bucket"), name: text }),
  path: { type: "string", pattern: "^\\./" },
  interval: duration,
  retryInterval: duration,
  timeout: duration,
  prune: boolean,
  deletionPolicy: oneOf("MirrorPrune", "Delete", "WaitForTermination", "Orphan"),
  force: boolean,
  wait: boolean,
  "suspend?": boolean,
  "serviceAccountName?": text,
  "commonMetadata?": shape({ annotations: texts }),
  "dependsOn?": list(shape({ name: text, readyExpr: text })),
  "healthChecks?": list(shape({ apiVersion: text, kind: text, name: text, "namespace?": text })),
  "healthCheckExprs?": list(shape({ apiVersion: text, kind: text, current: text, failed: text })),
});

const strategy = shape({ name: oneOf("RemediateOnFailure", "RetryOnFailure"), retryInterval: duration });

const helmRelease = shape({
  releaseName: { type: "string", minLength: 1, maxLength: 53 },
  targetNamespace: text,
  storageNamespace: text,
  interval: duration,
  timeout: duration,
  "suspend?": boolean,
  "chart?": shape({
    spec: shape({ chart: text, version: text, sourceRef: shape({ kind: oneOf("HelmRepository"), name: text }) }),
  }),
  "chartRef?": shape({ kind: oneOf("OCIRepository", "HelmChart", "ExternalArtifact"), name: text }),
  install: shape({ crds: oneOf("Skip", "Create", "CreateReplace"), strategy }),
  upgrade: shape({ crds: oneOf("Skip", "Create", "CreateReplace"), cleanupOnFail: boolean, strategy }),
  driftDetection: shape({ mode: oneOf("enabled", "warn", "disabled") }),
  values: anyObject,
});

/** By `apiVersion/kind`. */
export const engineSchemas: Readonly<Record<string, Schema>> = {
  "argoproj.io/v1alpha1/Application": object("argoproj.io/v1alpha1", "Application", application),
  "argoproj.io/v1alpha1/AppProject": object("argoproj.io/v1alpha1", "AppProject", project),
  "kustomize.toolkit.fluxcd.io/v1/Kustomization": object(
    "kustomize.toolkit.fluxcd.io/v1",
    "Kustomization",
    kustomization,
  ),
  "helm.toolkit.fluxcd.io/v2/HelmRelease": object("helm.toolkit.fluxcd.io/v2", "HelmRelease", helmRelease),
  "source.toolkit.fluxcd.io/v1/GitRepository": object(
    "source.toolkit.fluxcd.io/v1",
    "GitRepository",
    shape({
      interval: duration,
      url: { type: "string", pattern: "^(http|https|ssh)://.*$" },
      ref: shape({ branch: text }),
      "secretRef?": shape({ name: text }),
      ignore: text,
    }),
  ),
  "source.toolkit.fluxcd.io/v1/HelmRepository": object(
    "source.toolkit.fluxcd.io/v1",
    "HelmRepository",
    shape({ interval: duration, url: { type: "string", pattern: "^(http|https|oci)://.*$" } }),
  ),
  "source.toolkit.fluxcd.io/v1/OCIRepository": object(
    "source.toolkit.fluxcd.io/v1",
    "OCIRepository",
    shape({
      interval: duration,
      url: { type: "string", pattern: "^oci://.*$" },
      layerSelector: shape({ mediaType: text, operation: oneOf("extract", "copy") }),
      ref: shape({ tag: text }),
    }),
  ),
  "kustomize.config.k8s.io/v1beta1/Kustomization": shape({
    apiVersion: { const: "kustomize.config.k8s.io/v1beta1" },
    kind: { const: "Kustomization" },
    sortOptions: shape({ order: oneOf("legacy", "fifo") }),
    resources: list({ type: "string", pattern: "^[^/]+\\.yaml$" }),
  }),
};
