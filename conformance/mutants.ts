/** One small wrong change to the code: exactly one place of a file, written otherwise. */
export interface Mutant {
  readonly id: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly text: string;
  readonly instead: string;
  /** What would go wrong in a cluster. */
  readonly harm: string;
}

const calico = "lib/policy/prove/compile-calico.ts";
const cilium = "lib/policy/prove/compile-cilium.ts";
const evaluate = "lib/policy/prove/evaluate.ts";
const direction = "lib/policy/translate/plan-direction.ts";
const shrink = "lib/policy/translate/shrink-allow.ts";
const nets = "lib/policy/translate/resolve-nets.ts";
const rule = "lib/policy/translate/resolve-rule.ts";
const l4 = "lib/policy/translate/resolve-l4.ts";
const mirror = "lib/policy/bridge/mirror-rule.ts";
const mirrorObjects = "lib/policy/bridge/mirror-objects.ts";

/** Wrong changes to the models, the translator, the mirrors and what the proof reads. */
export const mutants: readonly Mutant[] = [
  // --- our model of Calico ----------------------------------------------------------------------------------------------
  {
    id: "calico-foreign-nets",
    file: calico,
    text: "if (own.length === 0) return undefined;",
    instead: "if (own.length === 0) continue;",
    harm: "a rule for IPv6 nets also holds for IPv4",
  },
  {
    id: "calico-not-nets",
    file: calico,
    text: "isNegative ? space.not(inside) : inside",
    instead: "inside",
    harm: "notNets means nets",
  },
  {
    id: "calico-not-selector",
    file: calico,
    text: "space.not(context.addresses(entity.notSelector))",
    instead: "context.addresses(entity.notSelector)",
    harm: "notSelector means selector",
  },
  {
    id: "calico-network-sets",
    file: calico,
    text: 'space.anyOf([space.labels("calico", selector), ...inSets])',
    instead: 'space.labels("calico", selector)',
    harm: "network sets are forgotten",
  },
  {
    id: "calico-named-port-in-set",
    file: calico,
    text: 'space.and(space.hasPort(name, target), space.labels("calico", selector))',
    instead: "space.hasPort(name, target)",
    harm: "a pod that a network set holds answers under its port's name",
  },
  {
    id: "calico-log-ends",
    file: calico,
    text: 'if (rule.action === "Log") return [];',
    instead: 'if (rule.action === "Log") return compileRule({ ...rule, action: "Allow" }, policy, subject, context);',
    harm: "a Log rule lets its flows through",
  },
  {
    id: "calico-tier-end",
    file: evaluate,
    text: "arriving = tier.passesAtEnd ? uniteL4(outcome.passed, outcome.unmatched) : outcome.passed;",
    instead: "arriving = outcome.passed;",
    harm: "a tier whose default action is Pass denies at its end",
  },
  {
    id: "calico-rule-order",
    file: evaluate,
    text: "    unmatched = subtractL4(unmatched, matched);\n",
    instead: "",
    harm: "a later rule decides what an earlier one has decided",
  },
  {
    id: "calico-profile",
    file: evaluate,
    text: "return allowed.length === 0 ? arriving : uniteL4(allowed, arriving);",
    instead: "return allowed;",
    harm: "what is passed to the profile is denied",
  },
  {
    id: "calico-staged",
    file: calico,
    text: "return !policy.isStaged && !policy.doNotTrack && !policy.preDNAT;",
    instead: "return !policy.doNotTrack && !policy.preDNAT;",
    harm: "a staged policy is enforced",
  },
  {
    id: "calico-types-stored",
    file: "lib/policy/calico/read-policy.ts",
    text: 'if (reading.group === "v3") return',
    instead: "if (true) return",
    harm: "a stored policy without types governs only what it has rules for",
  },
  {
    id: "calico-types-v3",
    file: "lib/policy/calico/read-policy.ts",
    text: "ingress: ingressCount > 0 || egressCount === 0, egress: egressCount > 0",
    instead: "ingress: ingressCount > 0, egress: egressCount > 0",
    harm: "a policy without rules governs nothing",
  },
  {
    id: "kubernetes-order",
    file: "lib/policy/calico/read-kubernetes-policy.ts",
    text: "order: 1000,",
    instead: "order: 0,",
    harm: "a Kubernetes policy comes before Calico's own",
  },
  {
    id: "kubernetes-egress-default",
    file: "lib/policy/calico/read-kubernetes-policy.ts",
    text: "{ ingress: true, egress: egress.length > 0 }",
    instead: "{ ingress: true, egress: true }",
    harm: "a Kubernetes policy without policyTypes denies all egress",
  },
  // --- our model of Cilium ----------------------------------------------------------------------------------------------
  {
    id: "cilium-deny-first",
    file: evaluate,
    text: "open.length === 0 ? open : subtractL4(open, union(program.deny, isIn, variant))",
    instead: "open",
    harm: "deny rules are forgotten",
  },
  {
    id: "cilium-default-deny",
    file: evaluate,
    text: 'isDefaultDeny: denyBy !== undefined || side.mode === "always",',
    instead: 'isDefaultDeny: side.mode === "always",',
    harm: "a policy that selects a pod does not close it",
  },
  {
    id: "cilium-except",
    file: cilium,
    text: 'space.not(space.anyOf(except.map((inner) => space.inPrefix("cilium", inner)))),',
    instead: "except.length === 0 ? space.all : space.all,",
    harm: "except of a CIDR is forgotten",
  },
  {
    id: "cilium-port-protocol",
    file: cilium,
    text: 'port.protocol === "ANY" || port.protocol === protocol',
    instead: "port.protocol !== undefined || protocol",
    harm: "a port name is found for every protocol",
  },
  {
    id: "cilium-aggregate",
    file: cilium,
    text: 'return isForAll ? space.or(own, space.ofKind("pod")) : own;',
    instead: "return isForAll ? own : own;",
    harm: "a purely negative peer selector of 1.20 is taken by its word",
  },
  {
    id: "cilium-remote-node",
    file: cilium,
    text: '"remote-node": ["reserved:remote-node"],',
    instead: '"remote-node": [],',
    harm: "other nodes are nobody",
  },
  {
    id: "cilium-world",
    file: cilium,
    text: 'world: ["reserved:world", "reserved:world-ipv4", "reserved:world-ipv6"],',
    instead: 'world: ["reserved:world-ipv4"],',
    harm: "the outside is nobody in a single-stack cluster",
  },
  {
    id: "cilium-egress-deny",
    file: cilium,
    text: 'half === "ingress" ? rule.ingressDeny : rule.egressDeny;\n  return',
    instead: "rule.ingressDeny;\n  return",
    harm: "a policy with nothing but egress denies is not seen",
  },
  // --- the translator ---------------------------------------------------------------------------------------------------
  {
    id: "translate-pass-before-allow",
    file: direction,
    text: "const passed = leaveOutPasses(state, entry, start);",
    instead: "const passed = start; void leaveOutPasses;",
    harm: "what a Pass hands to a later tier is allowed at once",
  },
  {
    id: "translate-earlier-tiers",
    file: direction,
    text: "const reached = passTiers(state, entry, passed);",
    instead: "const reached = passed;",
    harm: "an allow of a later tier opens what an earlier tier ends",
  },
  {
    id: "translate-restrictions",
    file: direction,
    text: "const rest = leaveOutRestrictions(state, entry, reached);",
    instead: "const rest = reached;",
    harm: "an allow opens what an unwritten deny before it takes",
  },
  {
    id: "translate-later-tiers",
    file: direction,
    text: "const ended = leaveLaterTiers(state, entry, reached);",
    instead: "const ended = reached; void leaveLaterTiers;",
    harm: "a passed flow is allowed although a later tier selects the pod",
  },
  {
    id: "translate-allow-bound",
    file: direction,
    text: "const start: Shrinking = { boxes: entry.boxes.under, isComplete: true, causes: [] };\n  if (entry.owner.isFixed)",
    instead:
      "const start: Shrinking = { boxes: entry.boxes.over, isComplete: true, causes: [] };\n  if (entry.owner.isFixed)",
    harm: "an allow that cannot be said exactly is written too wide",
  },
  {
    id: "translate-deny-bound",
    file: direction,
    text: "let boxes = entry.boxes.over.filter((box) => !isEmptyBox(box));",
    instead: "let boxes = entry.boxes.under.filter((box) => !isEmptyBox(box));",
    harm: "a deny that cannot be said exactly is written too small",
  },
  {
    id: "translate-carve-out",
    file: "lib/policy/translate/decide-deny.ts",
    text: "allowed: conflicts.flatMap((allow) => allow.boxes),",
    instead: "allowed: [],",
    harm: "a deny takes what an earlier rule lets through",
  },
  {
    id: "translate-near-end",
    file: rule,
    text: '(["destination", "source"] as const) : (["source", "destination"] as const)',
    instead: '(["source", "destination"] as const) : (["source", "destination"] as const)',
    harm: "source and destination of ingress rules change places",
  },
  {
    id: "translate-own-end",
    file: rule,
    text: "const under = intersectTerms(place.subject, end.under.pods);",
    instead: "const under = place.subject;",
    harm: "the destination of an ingress rule does not narrow the pods",
  },
  {
    id: "translate-names-beside-sets",
    file: rule,
    text: "if (names === undefined) return resolveUniform(rule, place, cluster, notes);",
    instead: "if (names !== null) return resolveUniform(rule, place, cluster, notes);",
    harm: "a port's name is opened for pods that only a network set means",
  },
  {
    id: "translate-nodes-by-address",
    file: nets,
    text: "pods: pods.under ? allTerms : [], nodes: nodes.under };",
    instead: "pods: pods.under ? allTerms : [], nodes: noName };",
    harm: "nodes that a prefix holds are left out",
  },
  {
    id: "translate-pods-by-address",
    file: nets,
    text: 'if (kinds.size === 1 && kinds.has("all")) return exactly(true);',
    instead: 'if (kinds.size === 1 && kinds.has("all")) return exactly(false);',
    harm: "pods that a prefix holds are left out",
  },
  {
    id: "translate-some-pods",
    file: nets,
    text: "return between(false, true);",
    instead: "return exactly(true);",
    harm: "a prefix that holds some pods means all of them",
  },
  {
    id: "translate-not-ports",
    file: l4,
    text: "const rest = subtractL4(wanted, taken);",
    instead: "const rest = { l4: wanted, isComplete: taken !== wanted };",
    harm: "notPorts are forgotten",
  },
  {
    id: "translate-source-ports",
    file: l4,
    text: "return between(noHeader, bounds.over);",
    instead: "return bounds;",
    harm: "a rule for a source port opens every source port",
  },
  {
    id: "translate-not-protocol",
    file: l4,
    text: "points = subtractIntervals(points, wholeProtocol(rule.notProtocol));",
    instead: "points = wholeProtocol(rule.notProtocol);",
    harm: "notProtocol means protocol",
  },
  {
    id: "translate-icmp-code",
    file: "lib/policy/translate/l4.ts",
    text: "return code === undefined ? [first, first + 256] : [first + code, first + code + 1];",
    instead: "return [first, first + 256 + (code ?? 0)];",
    harm: "a rule for one ICMP code opens the type and more",
  },
  {
    id: "translate-tier-end",
    file: shrink,
    text: 'owner.tier.defaultAction === "Deny" && doOverlap',
    instead: 'owner.tier.defaultAction === "Pass" && doOverlap',
    harm: "tiers that deny at their end hold nothing back",
  },
  {
    id: "translate-host-named",
    file: "lib/policy/translate/emit-l4.ts",
    text: '[ip.sctp]: "SCTP" };',
    instead: '[ip.sctp]: "TCP" };',
    harm: "SCTP ports are opened for TCP",
  },
  // --- the mirrors of the exact bridge ----------------------------------------------------------------------------------
  {
    id: "mirror-last-pass",
    file: mirrorObjects,
    text: '...written, { action: "Pass" }],',
    instead: "...written],",
    harm: "the mirror tier ends what it does not mean",
  },
  {
    id: "mirror-tier-default",
    file: mirrorObjects,
    text: 'defaultAction: "Pass" },',
    instead: 'defaultAction: "Deny" },',
    harm: "the mirror tier denies every pod that it selects",
  },
  {
    id: "mirror-tier-order",
    file: mirrorObjects,
    text: "spec: { order: lowest - 1,",
    instead: "spec: { order: lowest + 1,",
    harm: "the mirrors do not come first",
  },
  {
    id: "mirror-direction",
    file: mirrorObjects,
    text: 'const own = mirrored === "ingress" ? "egress" : "ingress";',
    instead: "const own = mirrored;",
    harm: "mirrors of ingress stand in ingress",
  },
  {
    id: "mirror-not-nets",
    file: mirror,
    text: "notNets: sortedUnique([...a.notNets, ...b.notNets]),",
    instead: "notNets: sortedUnique(a.notNets),",
    harm: "notNets of the mirrored rule are forgotten",
  },
  {
    id: "mirror-action",
    file: mirror,
    text: "action: second.action,",
    instead: "action: first.action,",
    harm: "two rules met as one take the wrong action",
  },
  {
    id: "mirror-selectors",
    file: mirror,
    text: "selectors: [...a.selectors, ...b.selectors],",
    instead: "selectors: [...a.selectors],",
    harm: "a mirror means more pods than the rule",
  },
];
