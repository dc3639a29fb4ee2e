import { Command, CommanderError, Option } from "commander";
import type { ExitCode } from "./exit-code.ts";
import { createPaint } from "./paint.ts";
import type { Streams } from "./streams.ts";

/** What a command's module exports: its options come as commander reads them, its answer is an exit code. */
export type CommandRun<Options> = (
  operands: readonly string[],
  options: Options,
  streams: Streams,
) => Promise<ExitCode>;

interface CommandEntry {
  readonly name: string;
  readonly operands?: string;
  readonly summary: string;
  readonly options: (command: Command) => Command;
  readonly examples: readonly string[];
  /** Loaded when the command runs, so that `--help` stays quick. */
  // biome-ignore lint/suspicious/noExplicitAny: commander hands options over untyped; each command types its own.
  readonly load: () => Promise<CommandRun<any>>;
}

const format = (choices: readonly string[]): Option =>
  new Option("--format <format>", "how the result is printed").choices([...choices]).default("text");

/** Where synth writes, and where every other command finds what was written. */
const renderedPlans = ["-o, --out <dir>", "directory of the rendered plans", "dist"] as const;

const substitution = [
  "--substitute <name=value...>",
  "values of ${NAME} variables in the policies, as Flux would fill them in",
] as const;

const planOption = (command: Command): Command =>
  command.option("-p, --plan <file>", "the plan file; found by itself when plans/ holds one only");

const inventoryOption = (command: Command): Command =>
  command.option("-i, --inventory <path...>", "files or directories with kubectl output; - for standard input");

const commands: readonly CommandEntry[] = [
  {
    name: "snapshot",
    summary: "read a live cluster into files (read-only; Secrets are never read)",
    options: (command) =>
      command
        .requiredOption("-o, --out <dir>", "directory to write")
        .option("--context <name>", "context of the kubeconfig")
        .addOption(format(["text", "json"])),
    examples: ["metachron snapshot --out inventory/prod-eu"],
    load: async () => (await import("./commands/snapshot.ts")).snapshot,
  },
  {
    name: "detect",
    summary: "say which network the cluster runs, and how we know",
    options: (command) => inventoryOption(command).addOption(format(["text", "json"])),
    examples: [
      "metachron detect --inventory inventory/prod-eu",
      "kubectl get ds,no,po,cm -A -o yaml | metachron detect --inventory -",
    ],
    load: async () => (await import("./commands/detect.ts")).detect,
  },
  {
    name: "init",
    summary: "propose a plan file, every choice explained",
    options: (command) =>
      inventoryOption(command)
        .option("-p, --plan <file>", "the plan file to write")
        .option("--name <name>", "name of the plan; by default the inventory's folder")
        .option("--force", "write over a plan file that is there", false)
        .addOption(format(["text", "json"])),
    examples: ["metachron init --inventory inventory/prod-eu --plan plans/prod-eu.yaml"],
    load: async () => (await import("./commands/init.ts")).init,
  },
  {
    name: "check",
    summary: "what would break, before anything is touched",
    options: (command) =>
      planOption(inventoryOption(command))
        .option(...renderedPlans)
        .addOption(format(["text", "json", "sarif", "github", "markdown"])),
    examples: ["metachron check --plan plans/prod-eu.yaml", "metachron check --inventory inventory/prod-eu"],
    load: async () => (await import("./commands/check.ts")).check,
  },
  {
    name: "translate",
    operands: "[file...]",
    summary: "Calico policies in, Cilium policies out; needs neither plan nor cluster",
    options: (command) =>
      inventoryOption(command)
        .option("-o, --out <dir>", "one YAML file per object instead of standard output")
        .option("--cilium <version>", "Cilium version to write for", "1.20.2")
        .option(...substitution)
        .addOption(format(["text", "json", "sarif", "github"])),
    examples: [
      "metachron translate policies/ > cilium.yaml",
      "kubectl get globalnetworkpolicies.crd.projectcalico.org -o yaml | metachron translate",
      "metachron translate policies/ --inventory inventory/prod-eu --out cilium/ --format json",
      "metachron translate policies/ --substitute HOST_IP=10.0.0.4 CLUSTER=prod",
    ],
    load: async () => (await import("./commands/translate.ts")).translate,
  },
  {
    name: "prove",
    summary: "compare what two policy sets decide, packet by packet",
    options: (command) =>
      inventoryOption(command)
        .requiredOption("--before <path...>", "policies before: Calico, Kubernetes or Cilium")
        .requiredOption("--after <path...>", "policies after: Calico, Kubernetes or Cilium")
        .option("--cilium <version>", "Cilium version that decides", "1.20.2")
        .option(...substitution)
        .addOption(
          new Option("--world <world>", "closed: the inventory's pods; open: any pod that may come").choices([
            "closed",
            "open",
          ]),
        )
        .addOption(format(["text", "json", "sarif"])),
    examples: ["metachron prove --before calico/ --after cilium/ --inventory inventory/prod-eu"],
    load: async () => (await import("./commands/prove.ts")).prove,
  },
  {
    name: "explain",
    summary: "which rule of which policy decides a flow, before, during and after",
    options: (command) =>
      planOption(inventoryOption(command))
        .requiredOption("--from <end>", "namespace/pod, node name or address")
        .requiredOption("--to <end>", "namespace/pod, node name or address")
        .option("--port <port>", "port and protocol (443/TCP), or icmp/8", "443/TCP")
        .option(...renderedPlans)
        .addOption(format(["text", "json"])),
    examples: ["metachron explain --from shop/web-0 --to shop/db-0 --port 5432/TCP"],
    load: async () => (await import("./commands/explain.ts")).explain,
  },
  {
    name: "synth",
    summary: "write the stages into dist/",
    options: (command) =>
      planOption(command)
        .option("-o, --out <dir>", "directory that gets one folder per plan", "dist")
        .option("--check", "write nothing; say whether the files are up to date", false)
        .option("--overwrite-edited", "write over files that somebody edited by hand", false)
        .addOption(format(["text", "json", "sarif", "github"])),
    examples: ["metachron synth", "metachron synth --check"],
    load: async () => (await import("./commands/synth.ts")).synth,
  },
  {
    name: "diff",
    operands: "[old] [new]",
    summary: "what a pull request changes, in migration terms",
    options: (command) =>
      command
        .option("-p, --plan <file>", "the plan file, for the workloads of a wave; by default plans/<plan>.yaml")
        .option("--base <ref>", "compare the working tree with a git revision")
        .option(...renderedPlans)
        .option("--max-bytes <n>", "longest Markdown", "60000")
        .option("--exit-code", "exit with 1 when something differs", false)
        .addOption(format(["text", "markdown", "json"])),
    examples: ["metachron diff --base origin/main --format markdown", "metachron diff old-dist/ dist/"],
    load: async () => (await import("./commands/diff.ts")).diff,
  },
  {
    name: "verify",
    summary: "the merge gate: legal state changes, unchanged bodies, files up to date",
    options: (command) =>
      planOption(command)
        .requiredOption("--base <ref>", "git revision that the pull request merges into")
        .option(...renderedPlans)
        .addOption(format(["text", "json", "sarif", "github"])),
    examples: ["metachron verify --base origin/main"],
    load: async () => (await import("./commands/verify.ts")).verify,
  },
  {
    name: "status",
    summary: "where the live migration stands, and what to do next (read-only)",
    options: (command) =>
      planOption(command)
        .option(...renderedPlans)
        .option("--context <name>", "context of the kubeconfig")
        .addOption(format(["text", "json"])),
    examples: ["metachron status"],
    load: async () => (await import("./commands/status.ts")).status,
  },
  {
    name: "next",
    summary: "open the next stage, or close the open one, in the plan file",
    options: (command) =>
      planOption(command)
        .option(...renderedPlans)
        .option("--commit <sha>", "commit of the main branch that holds the stage's body; by default git's HEAD")
        .option("--retry <stage>", "run the Job of an open stage again, after the reason of its failure is gone")
        .option("--again <stage>", "apply a stage again that is done: policies or scripts have changed since")
        .addOption(format(["text", "json"])),
    examples: ["metachron next --plan plans/prod-eu.yaml && git commit -am 'open 100-canary'"],
    load: async () => (await import("./commands/next.ts")).next,
  },
  {
    name: "rollback",
    operands: "<stage>",
    summary: "turn a stage back: a forward move with objects of its own",
    options: (command) =>
      planOption(command)
        .option(...renderedPlans)
        .option("--commit <sha>", "commit of the main branch that holds the stage's body; by default git's HEAD")
        .addOption(format(["text", "json"])),
    examples: ["metachron rollback 100-canary"],
    load: async () => (await import("./commands/rollback.ts")).rollback,
  },
  {
    name: "report",
    summary: "write the HTML report",
    options: (command) =>
      planOption(command)
        .option("-o, --out <file>", "file to write; standard output by default")
        .addOption(format(["text", "json"])),
    examples: ["metachron report --out report.html"],
    load: async () => (await import("./commands/report.ts")).report,
  },
];

/** Names of all commands, in the order of the help. */
export const commandNames: readonly string[] = commands.map((entry) => entry.name);

/**
 * Reads arguments, runs one command, gives its exit code. Wrong use is explained on standard error and gives 2; a bug of
 * ours gives 3 and asks for a report.
 */
export async function runProgram(argv: readonly string[], version: string, streams: Streams): Promise<ExitCode> {
  let result: ExitCode = 0;
  const program = createProgram(version, streams, (code) => {
    result = code;
  });
  try {
    await addCompletionCommand(program, argv);
    await program.parseAsync([...argv], { from: "user" });
    return result;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode !== 0 && asksForJson(argv)) await printWrongUse(error, streams);
      return error.exitCode === 0 ? 0 : 2;
    }
    streams.error(describeBug(error, version));
    return 3;
  }
}

/** Read off the command line itself, because a wrong one has no options yet. */
function asksForJson(argv: readonly string[]): boolean {
  return argv.includes("--format=json") || argv.some((word, at) => word === "--format" && argv[at + 1] === "json");
}

/** Whoever asks for JSON gets a document also where the command line is wrong; people have read it on standard error. */
async function printWrongUse(error: CommanderError, streams: Streams): Promise<void> {
  const { endWithoutResult, wrongUse } = await import("./print-report.ts");
  endWithoutResult([wrongUse(error.message.replace(/^error: /u, ""))], 2, { format: "json" }, streams);
}

function createProgram(version: string, streams: Streams, done: (code: ExitCode) => void): Command {
  const paint = createPaint(streams.useColor);
  const program = new Command("metachron")
    .description(
      "Moves a running Kubernetes cluster to Cilium, live, wave by wave, with network policy on the whole time.",
    )
    .version(version)
    .showHelpAfterError("(metachron --help lists the commands)")
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: false, styleTitle: (text) => paint("bold", text), helpWidth: streams.columns })
    .configureOutput({
      writeOut: streams.out,
      writeErr: streams.error,
      getOutHasColors: () => streams.useColor,
      getErrHasColors: () => streams.useErrorColor,
    })
    .exitOverride()
    .addHelpText("after", firstSteps);
  for (const entry of commands) addCommand(program, entry, streams, done);
  return program;
}

/** Completion is asked for at every press of the tab key and never else: it is loaded only then. */
async function addCompletionCommand(program: Command, argv: readonly string[]): Promise<void> {
  if (argv[0] === "complete") (await import("./completion.ts")).addCompletion(program, argv);
  else
    program
      .command("complete")
      .argument("<shell>")
      .summary("print the completion script: bash, zsh, fish or powershell");
}

const firstSteps = `
First steps:
  metachron detect --inventory inventory/prod-eu                          which network runs, and how we know
  metachron init --inventory inventory/prod-eu --plan plans/prod-eu.yaml  a plan file, every choice explained
  metachron synth --plan plans/prod-eu.yaml                               the stages; read dist/prod-eu/PLAN.md
  metachron next --plan plans/prod-eu.yaml                                open a stage: one pull request each

Exit codes: 0 fine, 1 something blocks or differs, 2 wrong use or unreadable input, 3 a bug of ours.`;

function addCommand(program: Command, entry: CommandEntry, streams: Streams, done: (code: ExitCode) => void): void {
  const command = program.command(entry.name).summary(entry.summary).description(entry.summary);
  if (entry.operands !== undefined) command.arguments(entry.operands);
  entry.options(command);
  command.addHelpText("after", `\nExamples:\n${entry.examples.map((example) => `  ${example}`).join("\n")}`);
  command.action(async () => {
    const run = await entry.load();
    done(await run(command.args, command.opts(), streams));
  });
}

function describeBug(error: unknown, version: string): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `This is a bug in metachron ${version}, not in your input. Please report it with the command that you typed:\n\n${stack}\n`;
}
