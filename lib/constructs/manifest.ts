import { ApiObject, type ApiObjectProps } from "cdk8s";
import { Construct } from "constructs";
import { InvariantError } from "../core/invariant.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../core/json.ts";
import { renderYaml } from "../core/yaml.ts";
import { safeId } from "./safe-id.ts";

const brand: unique symbol = Symbol.for("metachron.Manifest");

/** One Kubernetes object with a file of its own. */
export interface ManifestProps {
  /** Path below the output folder, with forward slashes. */
  readonly path: string;
  /** The whole object; `metadata.name` is required, `metadata.namespace` for every namespaced kind. */
  readonly object: JsonObject;
  /** Written above the object as a YAML comment. @default none */
  readonly comment?: string;
  /** The object's text where the caller has it; used as long as nobody changes the object. @default rendered when emitted */
  readonly text?: string;
}

/** Keys that cdk8s cannot carry: it asks each value for its `constructor` and loses `__proto__`. */
const hostileKeys: ReadonlySet<string> = new Set([
  "constructor",
  "__proto__",
  "prototype",
  "resolve",
  "toString",
  "hasOwnProperty",
]);

/**
 * A Kubernetes object in the construct tree, as a cdk8s ApiObject, with the file that it is written to.
 *
 * Changes by way of cdk8s (`metadata.addLabel`, `addJsonPatch`) show in the output, and in the digest of its stage.
 */
export class Manifest extends Construct {
  /** Whether a construct is a Manifest, also one of another copy of this package. */
  static isManifest(value: unknown): value is Manifest {
    return typeof value === "object" && value !== null && brand in value;
  }

  readonly path: string;
  /** The cdk8s object; absent only for objects with keys that cdk8s cannot carry. */
  readonly apiObject: ApiObject | undefined;
  readonly #object: JsonObject;
  readonly #comment: string | undefined;
  readonly #text: string | undefined;

  constructor(scope: Construct, props: ManifestProps) {
    super(scope, safeId(props.path));
    Object.defineProperty(this, brand, { value: true });
    assertIdentified(props);
    this.path = props.path;
    this.#object = props.object;
    this.#comment = props.comment;
    this.#text = props.text;
    this.apiObject = isCarried(props.object)
      ? new ApiObject(this, "object", props.object as unknown as ApiObjectProps)
      : undefined;
  }

  /** The object as it will be written, changes included. */
  toJson(): JsonObject {
    return (this.apiObject?.toJson() as JsonObject | undefined) ?? this.#object;
  }

  /** The YAML text of the file, ending with a line feed. */
  render(): string {
    const object = this.toJson();
    if (this.#text !== undefined && isSame(object, this.#object)) return this.#text;
    return renderYaml(object, this.#comment === undefined ? {} : { comment: this.#comment });
  }
}

function assertIdentified(props: ManifestProps): void {
  const metadata = props.object["metadata"];
  const isNamed = isJsonObject(metadata) && typeof metadata["name"] === "string" && metadata["name"] !== "";
  if (!isNamed || typeof props.object["kind"] !== "string" || typeof props.object["apiVersion"] !== "string") {
    throw new InvariantError("an object without apiVersion, kind or name", { path: props.path });
  }
}

function isCarried(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.every((inner) => inner !== null && isCarried(inner));
  if (!isJsonObject(value)) return true;
  return Object.entries(value).every(([key, inner]) => !hostileKeys.has(key) && inner !== null && isCarried(inner));
}

/** Deep equality of two JSON values, whatever the order of their keys. */
function isSame(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => isSame(a[key], b[key]));
}
