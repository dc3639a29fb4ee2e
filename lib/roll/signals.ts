import type { Plan, ServiceLevelGate } from "../plan/plan.ts";

/** A signal of the user's own: a pod that asks it and ends well if the answer is good. */
export interface Signal {
  /** Name of its template: `signal-goldpinger`, `signal-slo-1`. */
  readonly name: string;
  /** Arguments of probe.sh. */
  readonly arguments: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The signals of a plan: Goldpinger first, then the service level gates in the plan's order.
 *
 * Gates without a Prometheus to ask are left out here; the plan's own checks refuse such a plan.
 */
export function signalsOf(plan: Plan): readonly Signal[] {
  const { goldpinger, prometheus, serviceLevelGates } = plan.spec.roll;
  const ping: Signal[] =
    goldpinger === undefined
      ? []
      : [
          {
            name: "signal-goldpinger",
            arguments: ["goldpinger"],
            env: {
              METACHRON_GOLDPINGER_URL: withoutSlash(goldpinger.url),
              METACHRON_HEALTHY_ANSWERS: String(goldpinger.healthyAnswers),
            },
          },
        ];
  if (prometheus === undefined) return ping;
  const limit = goldpinger?.maxResponseSeconds;
  const gates = [...(limit === undefined ? [] : goldpingerGates(limit)), ...serviceLevelGates];
  return [
    ...ping,
    ...gates.map((gate, at) => ({
      name: `signal-slo-${at + 1}`,
      // The name goes into a command and a log: what could mean something there is left out.
      arguments: ["query", gate.name.replace(/[^\w .:/-]/gu, "_")],
      env: {
        METACHRON_PROMETHEUS_URL: withoutSlash(prometheus.url),
        // Encoded here, because a shell without tools cannot; parentheses and quotes too, for the strictest server.
        METACHRON_QUERY: encodeQuery(gate.query),
        METACHRON_JUDGEMENT: judgementOf(gate.query),
      },
    })),
  ];
}

/**
 * What Goldpinger's metrics have to say beside its own answer: no pair of pods that does not reach each other, and pings that
 * are fast. Source: bloomberg/goldpinger 3.10 pkg/goldpinger/stats.go.
 */
function goldpingerGates(maxResponseSeconds: number): readonly ServiceLevelGate[] {
  return [
    { name: "goldpinger unhealthy peers", query: 'sum(goldpinger_nodes_health_total{status="unhealthy"}) == 0' },
    {
      name: "goldpinger p99",
      query: `histogram_quantile(0.99, sum by (le) (rate(goldpinger_peers_response_time_s_bucket{call_type="ping"}[5m]))) < ${maxResponseSeconds}`,
    },
  ];
}

/** The signals for people, in the order in which they are asked: `Goldpinger`, and the names of the gates with their queries. */
export function signalNames(plan: Plan): readonly string[] {
  return signalsOf(plan).map((signal) => {
    const query = signal.env["METACHRON_QUERY"];
    return query === undefined
      ? `Goldpinger at ${signal.env["METACHRON_GOLDPINGER_URL"]}, ${signal.env["METACHRON_HEALTHY_ANSWERS"]} healthy answers in a row`
      : `${signal.arguments[1]} (\`${decodeURIComponent(query)}\`)`;
  });
}

function withoutSlash(url: string): string {
  // A dollar sign means something to Flux and to the kubelet.
  return url.replace(/\/+$/u, "").replaceAll("$", "%24");
}

function encodeQuery(query: string): string {
  return encodeURIComponent(query).replace(/[!'()*]/gu, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** How an answer is judged: see `judgementOf`. */
export type Judgement = "non-empty" | "non-zero";

/**
 * How the answer to a query means yes.
 *
 * A comparison without `bool` is a filter: it drops what is false and keeps the value it compared, so `sum(x) == 0` answers
 * 0 when it is true. There any answer means yes. A plain value, or a comparison with `bool`, means yes unless it is 0.
 * Strings, label matchers and comments are not looked at.
 * Source: Prometheus documentation, "Operators", comparison binary operators.
 */
export function judgementOf(query: string): Judgement {
  const bare = query
    .replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/gu, "")
    .replace(/#.*$/gmu, "")
    .replace(/\{[^{}]*\}/gu, "");
  const comparisons = [...bare.matchAll(/(?:==|!=|<=|>=|<|>)\s*(bool\b)?/gu)];
  return comparisons.some((match) => match[1] === undefined) ? "non-empty" : "non-zero";
}
