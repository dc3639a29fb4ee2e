import { z } from "zod";
import { FindingsSchema, PlaceSchema } from "./finding-schema.ts";
import { report } from "./report-schema.ts";

const text = (description: string) => z.string().describe(description);
const count = (description: string) => z.int().min(0).describe(description);
const VerdictSchema = z.enum(["allow", "deny"]);

const SourcePolicySchema = z
  .strictObject({
    apiVersion: text("As written in the object"),
    kind: text("Kind of the policy"),
    namespace: text("Absent for a cluster-scoped policy").exactOptional(),
    name: text("Name of the policy"),
    file: text("File that it was read from").exactOptional(),
  })
  .describe("The policy that was translated");

const OutputSchema = z
  .strictObject({
    kind: text("Kind of the object"),
    namespace: text("Absent for a cluster-scoped object").exactOptional(),
    name: text("Name of the object"),
    file: text("File that holds it, in the folder of --out"),
  })
  .describe("One Cilium object");

const PolicyTranslationSchema = z
  .strictObject({
    source: SourcePolicySchema,
    result: z
      .enum(["exact", "carved", "partial", "refused"])
      .describe(
        "exact, carved: same verdicts. partial: never wider than the source, something is missing. refused: nothing is emitted",
      ),
    outputs: z.array(OutputSchema).describe("Objects that were made of it; none when it is refused"),
    findings: z.array(z.string()).describe("Codes of its findings"),
  })
  .meta({ id: "PolicyTranslation", description: "What became of one source policy" });

/** `metachron translate`. */
export const TranslationReportSchema = report("TranslationReport", "metachron translate: what became of each policy", {
  policies: z.array(PolicyTranslationSchema).describe("One entry for every source policy"),
  findings: FindingsSchema,
  requiredValues: z.record(z.string(), z.unknown()).describe("Helm values that the objects need"),
});

const FlowEndSchema = z
  .strictObject({
    kind: z.enum(["pod", "node", "address", "hypothetical-pod", "health"]).describe("What the end is"),
    name: text("namespace/pod, a node's name or an address; a hypothetical pod by its labels"),
    address: text("Its address").exactOptional(),
    labels: z.record(z.string(), z.string()).describe("Labels of a hypothetical pod").exactOptional(),
    isOwnNode: z.boolean().describe("The node that the other end runs on").exactOptional(),
    namedPorts: z.record(z.string(), z.string()).describe("Named ports of a hypothetical pod").exactOptional(),
  })
  .meta({ id: "FlowEnd", description: "One end of a flow" });

const WitnessSchema = z
  .strictObject({
    from: FlowEndSchema,
    to: FlowEndSchema,
    protocol: text("TCP, UDP, SCTP, ICMP, ICMPv6 or a number"),
    port: z.int().min(0).max(65535).describe("Destination port").exactOptional(),
    icmpType: count("ICMP type").exactOptional(),
    icmpCode: count("ICMP code").exactOptional(),
    sourcePort: count("Given where a rule looks at source ports").exactOptional(),
    http: text("The HTTP request, where a rule looks at it").exactOptional(),
    family: z
      .union([z.literal(4), z.literal(6)])
      .describe("Address family; 4 where absent")
      .exactOptional(),
  })
  .meta({ id: "Witness", description: "One concrete packet" });

const decision = {
  verdict: VerdictSchema.describe("What happens to the packet"),
  decidedBy: text("NetworkPolicy/a/p ingress[1], end of tier default, default deny, …"),
  where: PlaceSchema.exactOptional(),
};

const DecisionSchema = z
  .strictObject(decision)
  .meta({ id: "Decision", description: "A verdict and the rule that gave it" });

const DifferenceSchema = z
  .strictObject({
    direction: z
      .enum(["opened", "closed"])
      .describe("opened: denied before and allowed after. closed: the other way round"),
    half: z.enum(["ingress", "egress"]).describe("At which end it is decided"),
    witness: WitnessSchema,
    before: DecisionSchema,
    after: DecisionSchema,
    flows: count("Flows that the same two rules decide differently"),
    packets: text("All packets of the witness's pair that these two rules decide so").exactOptional(),
    divergence: text("Number of the declared divergence that it would be, were it accepted").exactOptional(),
    seenIn: z
      .enum(["W0", "W1", "W2"])
      .describe("Smallest world that shows it: the inventory, known namespaces, any namespace")
      .exactOptional(),
    hazard: text("Number of the known hazard").exactOptional(),
  })
  .meta({ id: "ProofDifference", description: "Packets that two policy sets decide differently, with one of them" });

/** `metachron prove`. */
export const ProofSchema = report("Proof", "metachron prove: what two policy sets decide, compared", {
  equal: z.boolean().describe("Whether there is no difference"),
  differences: z.array(DifferenceSchema).describe("Every difference that is not meant"),
  intended: z
    .array(
      z.strictObject({
        id: text("Number of the divergence"),
        why: text("Why it is meant"),
        flows: count("Flows that it covers"),
      }),
    )
    .describe("Differences that are meant and known: counted, never hidden"),
  world: z
    .strictObject({
      kind: z.enum(["closed", "open"]).describe("closed: the inventory's pods. open: any pod that may come"),
      pods: count("Pods"),
      classes: count("Classes of pods that no rule tells apart"),
      cells: count("Sets of addresses that no rule tells apart"),
      flows: count("Flows compared"),
      isTruncated: z.boolean().describe("The world was too large: nothing is claimed about the rest").exactOptional(),
    })
    .describe("What was compared"),
  findings: FindingsSchema,
});

const HalfDecisionSchema = z
  .strictObject({
    ...decision,
    lookedAt: z
      .array(
        z.strictObject({
          rule: text("NetworkPolicy/a/p ingress[1]"),
          where: PlaceSchema,
          action: z.enum(["allow", "deny", "pass", "log"]).describe("What the rule does"),
          isMatch: z.boolean().describe("Whether it matches the packet"),
        }),
      )
      .describe("Every rule of every policy that selects the pod, in order"),
  })
  .meta({ id: "HalfDecision", description: "What one side says of one half of a flow" });

const EndSideSchema = z.enum(["source", "cilium"]);

/** `metachron explain`. */
export const FlowExplanationSchema = report("FlowExplanation", "metachron explain: which rule decides a flow", {
  from: FlowEndSchema,
  to: FlowEndSchema,
  protocol: text("TCP, UDP, SCTP, ICMP, ICMPv6 or a number"),
  port: z.int().min(0).max(65535).describe("Destination port").exactOptional(),
  icmpType: count("ICMP type").exactOptional(),
  halves: z
    .array(
      z.strictObject({
        half: z.enum(["ingress", "egress"]).describe("Which half"),
        at: text("The pod that it is decided at"),
        before: HalfDecisionSchema,
        after: HalfDecisionSchema,
      }),
    )
    .describe("The halves that are decided at a pod: egress at the source, ingress at the destination"),
  during: z
    .array(
      z.strictObject({
        from: EndSideSchema.describe("Where the caller is; absent for an end that is no pod").exactOptional(),
        to: EndSideSchema.describe("Where the listener is; absent for an end that is no pod").exactOptional(),
        place: z
          .enum(["same node", "other node"])
          .describe("Given where a neighbour and a distant pod are decided by other rules")
          .exactOptional(),
        stages: z
          .array(z.string())
          .describe(
            "Stages once which are done it holds, where the pods run in the inventory; none: only after an eviction",
          ),
        until: text("Stage that ends it").exactOptional(),
        verdict: VerdictSchema.describe("Allowed where every half is"),
        halves: z
          .array(
            z.strictObject({
              half: z.enum(["ingress", "egress"]).describe("Which half"),
              at: text("The pod that it is decided at"),
              by: EndSideSchema.describe("Whose engine decides"),
              decision: HalfDecisionSchema,
            }),
          )
          .describe("The halves that are decided at a pod"),
      }),
    )
    .describe("While both networks run: both pods on the source, one moved, both moved. Empty where they never do"),
  before: VerdictSchema.describe("Allowed where every half is"),
  after: VerdictSchema.describe("Allowed where every half is"),
});
