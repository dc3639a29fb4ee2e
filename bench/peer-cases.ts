import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Case, Figure } from "./figure.ts";
import { measure, program, run } from "./measure.ts";
import { writePeerInput } from "./peer-input.ts";
import { root } from "./root.ts";

const binary = join(root, ".cache", "bench", "peer");

/** What changes between two sets of Kubernetes NetworkPolicies, beside np-guard's netpol-analyzer on the same folders. */
export function peerCases(folder: string): readonly Case[] {
  return [
    { pods: 100, policies: 50 },
    { pods: 300, policies: 100 },
    { pods: 500, policies: 200 },
  ].map((size) => {
    const name = `${size.policies} Kubernetes policies x ${size.pods} pods`;
    const { before, after } = writePeerInput(join(folder, `peer-${size.pods}`), size);
    return {
      group: "peer",
      name,
      run: () =>
        measure({
          args: [program, "prove", "--before", before, "--after", after, "--inventory", before, "--format", "json"],
          codes: [1],
          result: (text) =>
            `${(JSON.parse(text) as { readonly differences: readonly unknown[] }).differences.length} differences`,
        }),
      peer: { name: "netpol-analyzer 1.2.1", run: () => analyse(before, after) },
    };
  });
}

let build: Promise<string> | undefined;

/** Go fetches and builds the analyser at the first question, which takes a minute or two and needs the network. */
async function analyse(before: string, after: string): Promise<Figure> {
  build ??= buildAnalyser();
  return JSON.parse(await run(await build, [before, after])) as Figure;
}

async function buildAnalyser(): Promise<string> {
  mkdirSync(join(binary, ".."), { recursive: true });
  const peer = join(root, "bench", "peer");
  await run("go", ["build", "-C", peer, "-o", binary, "."], [0], {
    GOFLAGS: "-mod=mod -buildvcs=false",
    GOWORK: "off",
  });
  return binary;
}
