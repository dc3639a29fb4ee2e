import { z } from "zod";

/** Stands for "not chosen yet": a host below .invalid never resolves (RFC 2606). */
export const placeholderRepoURL = "https://git.example.invalid/platform.git";

/** Who applies the stages, and from where: `spec.delivery`. */
export const DeliverySchema = z
  .strictObject({
    engines: z
      .array(z.enum(["argocd", "flux", "kubectl"]))
      .min(1)
      .default(["argocd", "flux"])
      .describe("Engines that get objects; the bodies of the stages are the same for all"),
    repoURL: z
      .string()
      .min(1)
      .default(placeholderRepoURL)
      .describe("Git repository that holds the rendered stages, as the engine reaches it"),
    revision: z.string().min(1).default("main").describe("Branch that the engines follow"),
    path: z
      .string()
      .min(1)
      .regex(/^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$)).*$/, "use a path inside the repository")
      .default("dist")
      .describe("Folder in the repository that holds the output of synth"),
    argocd: z
      .strictObject({
        namespace: z.string().min(1).default("argocd").describe("Namespace of Argo CD"),
        pinning: z
          .enum(["commit", "branch"])
          .default("commit")
          .describe("commit: an open stage is pinned to its reviewed commit. branch: it follows the branch"),
      })
      .prefault({})
      .describe("Settings for Argo CD"),
    flux: z
      .strictObject({
        namespace: z.string().min(1).default("flux-system").describe("Namespace of the Flux objects"),
        secretRef: z.string().min(1).describe("Secret with the credentials of the repository").exactOptional(),
      })
      .prefault({})
      .describe("Settings for Flux"),
  })
  .meta({ id: "Delivery", description: "Who applies the stages, and from where" });
