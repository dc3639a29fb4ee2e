import { compareFindings } from "../../core/finding.ts";
import { detectSource } from "../../source/detect-source.ts";
import type { SourceDetection } from "../../source/source.ts";
import { type ExitCode, exitCodeOf } from "../exit-code.ts";
import { loadInventory } from "../load-inventory.ts";
import { createPaint } from "../paint.ts";
import { endWithoutResult, printFindingsBeside, printJson } from "../print-report.ts";
import type { Streams } from "../streams.ts";
import { textTable } from "../text-table.ts";
import { wrapLines } from "../wrap-text.ts";

interface DetectOptions {
  readonly inventory?: readonly string[];
  readonly format: "text" | "json";
}

/** `metachron detect`: which network the cluster runs, and by what evidence. */
export async function detect(
  _operands: readonly string[],
  options: DetectOptions,
  streams: Streams,
): Promise<ExitCode> {
  const loaded = await loadInventory(options.inventory ?? ["-"], "cluster", streams);
  if (loaded.value === undefined) return endWithoutResult(loaded.findings, 2, options, streams);
  const detection = detectSource(loaded.value, "auto");
  const findings = [...loaded.findings, ...detection.findings].toSorted(compareFindings);
  if (options.format === "json") {
    printJson("SourceDetection", { ...detection, findings }, streams);
  } else {
    streams.out(describe(detection, streams));
    printFindingsBeside(findings, streams);
  }
  return detection.confidence === "unsure" ? 1 : exitCodeOf(detection.findings);
}

function describe(detection: SourceDetection, streams: Streams): string {
  const paint = createPaint(streams.useColor);
  const { facts, live } = detection;
  const how =
    live.kind === "supported"
      ? paint("green", "a live migration can be planned")
      : live.kind === "conditional"
        ? `a live migration can be planned if ${live.conditions.join("; ")}`
        : `${paint("red", "no live migration")}: ${live.reason}. Instead: ${live.alternatives.join("; ")}`;
  const rows: string[][] = [
    ["pod addresses", facts.podCIDRs.join(", ") || "unknown"],
    ["service addresses", facts.serviceCIDRs?.join(", ") ?? "unknown"],
    [
      "encapsulation",
      [facts.encapsulation, facts.tunnelPort === undefined ? "" : `UDP ${facts.tunnelPort}`].join(" ").trim(),
    ],
    ["installed by", [facts.installation, facts.version ?? ""].join(" ").trim()],
    ["data plane", facts.dataplane ?? "unknown"],
    ["Services", [facts.serviceProxy.kind, facts.serviceProxy.mode ?? ""].join(" ").trim()],
    ["policies enforced", facts.enforcedPolicyKinds.join(", ") || "none"],
    ["CNI directories", `${facts.cniConfDirectory}, ${facts.cniBinDirectory}`],
    ...(facts.companions.length === 0 ? [] : [["beside it", facts.companions.join(", ")]]),
    ...Object.entries(facts.details).map(([name, value]) => [name, value]),
  ];
  const evidence = detection.evidence.flatMap((entry) => [
    `${entry.weight.padEnd(6)}  ${entry.source}  ${entry.object}  ${entry.field}`,
    paint("dim", `        ${entry.value.length > 60 ? `${entry.value.slice(0, 57)}...` : entry.value}`),
  ]);
  return [
    `${paint("bold", detection.source)} (${detection.confidence}): ${how}`,
    "",
    textTable(rows, streams.columns),
    "",
    paint("bold", "evidence"),
    evidence.length === 0 ? "none" : wrapLines(evidence.join("\n"), streams),
    "",
    "",
  ].join("\n");
}
