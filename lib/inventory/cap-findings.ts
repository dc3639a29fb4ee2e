import type { Finding } from "../core/finding.ts";

/** How many findings of one code are told of one file. */
export const shownFindings = 50;

/**
 * The findings with no more than `shownFindings` of one code in one file; one more of the same code and severity says
 * how many there are besides. A file with one mistake in each of fifty thousand pods needs no list of fifty thousand.
 * Shape: `findings` is in printing order, and so is the result but for the closing ones, which stand last.
 */
export function capFindings(findings: readonly Finding[]): Finding[] {
  const counts = new Map<string, { shown: number; hidden: number; first: Finding }>();
  const kept: Finding[] = [];
  for (const finding of findings) {
    const key = `${finding.code}\n${finding.where?.file ?? ""}`;
    const count = counts.get(key) ?? { shown: 0, hidden: 0, first: finding };
    counts.set(key, count);
    if (count.shown < shownFindings) {
      count.shown += 1;
      kept.push(finding);
    } else count.hidden += 1;
  }
  const closing = [...counts.values()]
    .filter(({ hidden }) => hidden > 0)
    .map(({ hidden, first }) => closingOf(first, hidden));
  return [...kept, ...closing];
}

function closingOf(first: Finding, hidden: number): Finding {
  const { code, severity, where } = first;
  const file = where?.file;
  return {
    code,
    severity,
    message: `the same holds for ${hidden} more ${hidden === 1 ? "place" : "places"} in ${file ?? "the input"} that are not listed`,
    ...(file !== undefined && { where: { file } }),
    data: { hidden },
  };
}
