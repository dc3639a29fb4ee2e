/**
 * Stands in a freshly built object wherever the stage's own body digest belongs (the CiliumNodeConfig's annotation, the
 * Job's `DIGEST`), until the stages room puts the real one there. The digest is computed over texts that hold this.
 */
export const digestPlaceholder: string = `sha256:${"0".repeat(64)}`;

/** Stands wherever the digest of the stage before belongs (the Job's `PREVIOUS_DIGEST`). */
export const previousDigestPlaceholder: string = `sha256:${"f".repeat(64)}`;

/** The annotation that carries a body digest, on the objects of a stage and on the engines' objects. */
export const digestAnnotation = "metachron.dev/body-digest";
