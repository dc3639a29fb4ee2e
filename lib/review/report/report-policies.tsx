import { printIdentity } from "../../core/identity.ts";
import type { JsonObject } from "../../core/json.ts";
import { renderYaml } from "../../core/yaml.ts";
import { type Inventory, objectsOf } from "../../inventory/inventory.ts";
import type { FlowEnd, Proof, ProofDifference } from "../../policy/prove/proof.ts";
import type { PolicyTranslation } from "../../policy/translate/translation.ts";
import type { PlannedMigration } from "../../stages/planned-migration.ts";
import { count } from "../markdown.ts";

/** The proof with its witnesses, then every source policy beside what it became. */
export function Policies({ migration }: { readonly migration: PlannedMigration }) {
  const { translation, proof, inventory } = migration;
  return (
    <section id="policies">
      <h2>Policies</h2>
      {translation.policies.length === 0 && <p>The source enforces no policy that needs a translation.</p>}
      {proof !== undefined && <ProofResult proof={proof} />}
      {translation.policies.map((policy) => (
        <PolicySides key={printIdentity(policy.source)} policy={policy} inventory={inventory} />
      ))}
    </section>
  );
}

function ProofResult({ proof }: { readonly proof: Proof }) {
  const { world } = proof;
  const extent = `${count(world.pods, "pod")} in ${count(world.classes, "class", "classes")}, ${count(world.flows, "flow class", "flow classes")} compared, ${world.kind} world`;
  if (proof.equal) return <p>Equal: before and after decide every packet alike ({extent}).</p>;
  return (
    <>
      <p>
        <strong class="error">{count(proof.differences.length, "difference")}</strong> ({extent}).
      </p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Change</th>
              <th>From</th>
              <th>To</th>
              <th>Packet</th>
              <th>Before</th>
              <th>After</th>
              <th>Flows</th>
            </tr>
          </thead>
          <tbody>
            {proof.differences.map((difference, index) => (
              <DifferenceRow key={String(index)} difference={difference} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function DifferenceRow({ difference }: { readonly difference: ProofDifference }) {
  const { witness, before, after } = difference;
  return (
    <tr>
      <td class={`severity ${difference.direction === "opened" ? "error" : "warning"}`}>
        {difference.direction}, {difference.half}
      </td>
      <td>
        <code>{endName(witness.from)}</code>
      </td>
      <td>
        <code>{endName(witness.to)}</code>
      </td>
      <td>{difference.packets ?? [witness.protocol, witness.port ?? witness.icmpType].filter(isGiven).join(" ")}</td>
      <td>
        {before.verdict} by <code>{before.decidedBy}</code>
      </td>
      <td>
        {after.verdict} by <code>{after.decidedBy}</code>
      </td>
      <td>{difference.flows}</td>
    </tr>
  );
}

function endName(end: FlowEnd): string {
  return end.address === undefined ? end.name : `${end.name} (${end.address})`;
}

function isGiven<Value>(value: Value | undefined): value is Value {
  return value !== undefined;
}

function PolicySides({ policy, inventory }: { readonly policy: PolicyTranslation; readonly inventory: Inventory }) {
  const { position } = policy.source;
  const source = sourceObject(policy, inventory);
  return (
    <details>
      <summary>
        <strong>{printIdentity(policy.source)}</strong> <span class="soft">{policy.result}</span>
      </summary>
      <div class="sides">
        <div>
          <div class="soft">
            before, {position.file}
            {position.line !== undefined && `:${position.line}`}
          </div>
          {source === undefined ? <p>Not an object of its own in the inventory.</p> : <pre>{renderYaml(source)}</pre>}
        </div>
        <div>
          <div class="soft">after</div>
          {policy.outputs.length === 0 && <p>Nothing is emitted.</p>}
          {policy.outputs.map((output, index) => (
            <pre key={String(index)}>{renderYaml(output.object, { comment: output.comment })}</pre>
          ))}
        </div>
      </div>
      {policy.findings.map((finding, index) => (
        <p key={String(index)}>
          <span class={`severity ${finding.severity}`}>{finding.severity}</span> <code>{finding.code}</code>{" "}
          {finding.message}. {finding.remedy}
        </p>
      ))}
    </details>
  );
}

/** The policy as its author wrote it, without what the API server keeps in it. */
function sourceObject({ source }: PolicyTranslation, inventory: Inventory): JsonObject | undefined {
  const found = objectsOf(inventory, source.kind).find(
    ({ apiVersion, namespace, name }) =>
      apiVersion === source.apiVersion && namespace === source.namespace && name === source.name,
  );
  if (found === undefined) return undefined;
  const { apiVersion = "", kind = "", spec = {} } = found.object;
  const metadata = { name: source.name, ...(source.namespace !== undefined && { namespace: source.namespace }) };
  return { apiVersion, kind, metadata, spec };
}
