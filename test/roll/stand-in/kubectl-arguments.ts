/** A kubectl command line, taken apart. Throws for a flag that no script uses: a typing error must not pass. */
export interface KubectlCall {
  readonly verb: string;
  readonly words: readonly string[];
  readonly namespace: string | undefined;
  readonly allNamespaces: boolean;
  readonly output: string | undefined;
  readonly labels: string | undefined;
  readonly fields: string | undefined;
  readonly patch: string | undefined;
  readonly raw: string | undefined;
  readonly ignoreNotFound: boolean;
}

const withValue = ["-n", "-o", "-l", "-p", "-f", "--field-selector", "--raw", "--type"];
const withEquals = ["--field-manager", "--namespace", "--request-timeout", "--sort-by", "--validate", "--wait"];
const alone = ["--all-containers", "--all-namespaces", "--ignore-not-found", "--overwrite"];

/** Reads the arguments of one call. */
export function readCall(args: readonly string[]): KubectlCall {
  const values = new Map<string, string>();
  const words: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    const [name = ""] = arg.split("=");
    if (withValue.includes(arg)) {
      at += 1;
      values.set(arg, args[at] ?? "");
    } else if (withEquals.includes(name) && arg.includes("=")) values.set(name, arg.slice(name.length + 1));
    else if (alone.includes(arg)) values.set(arg, "");
    else if (arg.startsWith("-") && arg !== "-") throw new Error(`the stand-in does not know the flag ${arg}`);
    else words.push(arg);
  }
  const [verb = "", ...rest] = words;
  return {
    verb,
    words: rest,
    namespace: values.get("-n") ?? values.get("--namespace"),
    allNamespaces: values.has("--all-namespaces"),
    output: values.get("-o"),
    labels: values.get("-l"),
    fields: values.get("--field-selector"),
    patch: values.get("-p"),
    raw: values.get("--raw"),
    ignoreNotFound: values.has("--ignore-not-found"),
  };
}
