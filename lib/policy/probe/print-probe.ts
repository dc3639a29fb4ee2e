import type { Decision } from "../prove/proof.ts";
import type { Probe, ProbePack } from "./probe-pack.ts";

/** `shop/Deployment/web -> shop/Deployment/db TCP 5432`. */
export function printPacket(pack: ProbePack, probe: Pick<Probe, "from" | "to" | "protocol" | "port">): string {
  const name = (id: string): string => pack.pods.find((pod) => pod.id === id)?.standsFor ?? id;
  return `${name(probe.from)} -> ${name(probe.to)} ${probe.protocol} ${probe.port}`;
}

/** The rule that decides, with its file and line where a file of the user holds it. */
export function printDecision({ decidedBy, where }: Decision): string {
  if (where?.file === undefined || where.file.startsWith("emitted ")) return decidedBy;
  return `${decidedBy} (${where.line === undefined ? where.file : `${where.file}:${where.line}`})`;
}
