import { App } from "cdk8s";
import type { FileTree } from "../core/file-tree.ts";
import { emitTree } from "./emit-tree.ts";

/** How a cdk8s app of ours writes. */
export interface MigrationAppProps {
  /** Takes the finished tree; called once by `synth`. @default nothing is written */
  readonly write?: (tree: FileTree) => void;
}

/** The root of the construct tree. `synth` writes our own tree: one object per file, in the stage it belongs to. */
export class MigrationApp extends App {
  readonly #write: ((tree: FileTree) => void) | undefined;

  constructor(props: MigrationAppProps = {}) {
    // Named here so that the variable CDK8S_OUTDIR has no say; cdk8s writes nothing itself.
    super({ outdir: "dist" });
    this.#write = props.write;
  }

  /** Every file of the tree with its text, sorted by path. */
  tree(): FileTree {
    return emitTree(this);
  }

  override synth(): void {
    this.#write?.(this.tree());
  }

  override synthYaml(): string {
    return [...this.tree()]
      .filter(([path]) => path.endsWith(".yaml"))
      .map(([, text]) => text)
      .join("---\n");
  }
}
