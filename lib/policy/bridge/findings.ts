import type { FindingKind } from "../../core/finding.ts";

/** Codes of this room. An error means that `exact` cannot hold; the migration then takes the next best and says so. */
export const bridgeFindings = {
  "bridge/no-tiers": {
    severity: "error",
    meaning: "Calico's Tier resource is not served, so mirrors cannot stand before the source's policies",
    source: "projectcalico/calico release notes 3.29 (open-source tiers); reference of the exact bridge, section 3",
  },
  "bridge/rule-has-no-mirror": {
    severity: "error",
    meaning: "A rule of the source cannot be written at the other end",
    source: "mirror check of metachron against Calico's own engine",
  },
  "bridge/net-splits-pool": {
    severity: "error",
    meaning: "A policy names a part of a pod pool by address",
    source: "mirror check of metachron, policies that speak of pods by old address",
  },
  "bridge/net-separates-pools": {
    severity: "error",
    meaning: "A net covers one of the two pod pools and not the other",
    source: "mirror check of metachron, rule W",
  },
  "bridge/network-set-over-pods": {
    severity: "error",
    meaning: "A network set holds addresses of pods, and two selectors meet at one end",
    source: "mirror check of metachron, refused by name",
  },
  "bridge/mixed-phase-differs": {
    severity: "error",
    meaning: "While both networks run a flow would be decided otherwise than before",
    source: "reference of the exact bridge, section 5: the proof over four rows",
  },
  "bridge/mixed-phase-not-proven": {
    severity: "error",
    meaning: "The cluster is too large for the proof of the mixed phase",
    source: "reference of the exact bridge, section 5",
  },
} as const satisfies Readonly<Record<string, FindingKind>>;
