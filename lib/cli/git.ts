import type { FileTree } from "../core/file-tree.ts";
import type { Checked, Finding } from "../core/finding.ts";
import { runProgram } from "../io/run-program.ts";

/** Runs git and gives its output, or a finding that says what git said. */
async function git(args: readonly string[], input = ""): Promise<Checked<string>> {
  const result = await runProgram("git", args, { input });
  if (result.value === undefined) return { value: undefined, findings: result.findings };
  if (result.value.exitCode === 0) return { value: result.value.stdout, findings: [] };
  const finding: Finding = {
    code: "cli/git-failed",
    severity: "error",
    message: `git ${args[0] ?? ""} failed: ${result.value.stderr.trim().split("\n")[0] ?? ""}`,
    remedy:
      "run metachron inside the repository, with the revision fetched (git fetch; in CI a full clone, fetch-depth: 0)",
  };
  return { value: undefined, findings: [finding] };
}

/** The full id of a commit; a finding when the repository does not know it. */
export async function resolveCommit(revision: string): Promise<Checked<string>> {
  const commit = await git(["rev-parse", "--verify", `${revision}^{commit}`]);
  return { value: commit.value?.trim(), findings: commit.findings };
}

/** The common ancestor of a revision and the working tree's commit: what a pull request is compared with. */
export async function mergeBase(revision: string): Promise<Checked<string>> {
  const base = await git(["merge-base", revision, "HEAD"]);
  return { value: base.value?.trim(), findings: base.findings };
}

/** One file at a commit; `undefined` when the commit does not have it. Paths are relative to the present folder. */
export async function fileAt(commit: string, path: string): Promise<string | undefined> {
  const shown = await git(["show", `${commit}:./${path}`]);
  return shown.value;
}

/** All files below a folder at a commit, paths relative to that folder; empty when the commit has none. */
export async function treeAt(commit: string, folder: string): Promise<Checked<FileTree>> {
  const listed = await git(["ls-tree", "-r", "-z", commit, "--", `${folder}/`]);
  if (listed.value === undefined) return { value: undefined, findings: listed.findings };
  const entries = listed.value
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => {
      const [meta = "", path = ""] = line.split("\t");
      return { id: meta.split(" ")[2] ?? "", path };
    });
  if (entries.length === 0) return { value: new Map(), findings: [] };
  const contents = await git(["cat-file", "--batch"], `${entries.map((entry) => entry.id).join("\n")}\n`);
  if (contents.value === undefined) return { value: undefined, findings: contents.findings };
  const texts = splitBatch(contents.value);
  const files = entries.map((entry, index): [string, string] => [
    entry.path.slice(folder.length + 1),
    texts[index] ?? "",
  ]);
  return { value: new Map(files), findings: [] };
}

/** The texts of `git cat-file --batch`: a header with the size in bytes, the content, a line feed. */
function splitBatch(output: string): readonly string[] {
  const bytes = Buffer.from(output, "utf8");
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    if (end < 0) break;
    const size = Number(bytes.subarray(at, end).toString("utf8").split(" ")[2] ?? "0");
    texts.push(bytes.subarray(end + 1, end + 1 + size).toString("utf8"));
    at = end + 1 + size + 1;
  }
  return texts;
}
