import { spawnSync } from "node:child_process";

/** Whether a network namespace of our own can be made, with both iptables backends in it: needs root and the packages. */
export const canUseIptables: boolean =
  spawnSync("unshare", ["-n", "-m", "sh", "-c", "iptables-nft -S && iptables-legacy -S && ip6tables-nft -S"]).status ===
  0;

/** Why the tests of real rules are skipped, for their names. */
export const iptablesNote: string = canUseIptables
  ? ""
  : " (skipped: needs root, unshare, iptables-nft and iptables-legacy)";

/** What a shell text said in a namespace that nothing else sees: /run is empty there, so are all tables. */
export function inNamespace(text: string): { readonly code: number; readonly stdout: string; readonly stderr: string } {
  const whole = `set -u\nmount -t tmpfs none /run\nip link set lo up\n${text}`;
  const run = spawnSync("unshare", ["-n", "-m", "sh", "-c", whole], { encoding: "utf8" });
  return { code: run.status ?? -1, stdout: run.stdout, stderr: run.stderr };
}
