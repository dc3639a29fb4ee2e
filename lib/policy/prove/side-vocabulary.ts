import type { CalicoEntity, CalicoPolicySet, CalicoPort, CalicoRule } from "../calico/model.ts";
import type { CiliumDirectionRule, CiliumPolicySet } from "../cilium/model.ts";
import type { VocabularyBuilder } from "../space/vocabulary.ts";
import type { World, WorldService } from "../space/world.ts";
import type { PolicySide } from "./policy-side.ts";
import { servicesOf } from "./services.ts";

/** Adds everything that one side can tell ends apart by. */
export function addSideTo(builder: VocabularyBuilder, side: PolicySide, world: World): void {
  if (side.engine === "calico") addCalico(builder, side.policies, world);
  if (side.engine === "cilium") addCilium(builder, side.policies, world);
}

function addCalico(builder: VocabularyBuilder, set: CalicoPolicySet, world: World): void {
  for (const policy of set.policies) {
    builder.addSelector(policy.appliesTo);
    for (const rule of policy.ingress) addRule(builder, rule, world);
    for (const rule of policy.egress) addRule(builder, rule, world);
  }
  for (const { nets } of set.networkSets) nets.forEach(builder.addPrefix);
  for (const { expectedIPs } of set.hostEndpoints) expectedIPs.forEach(builder.addPrefix);
}

function addRule(builder: VocabularyBuilder, rule: CalicoRule, world: World): void {
  addEntity(builder, rule.source, world);
  addEntity(builder, rule.destination, world);
}

const nothing: readonly never[] = [];

function addEntity(builder: VocabularyBuilder, entity: CalicoEntity, world: World): void {
  if (entity.selector !== undefined) builder.addSelector(entity.selector);
  if (entity.notSelector !== undefined) builder.addSelector(entity.notSelector);
  for (const prefix of entity.nets ?? nothing) builder.addPrefix(prefix);
  for (const prefix of entity.notNets ?? nothing) builder.addPrefix(prefix);
  for (const port of entity.ports ?? nothing) addPort(builder, port);
  for (const port of entity.notPorts ?? nothing) addPort(builder, port);
  const { service } = entity;
  if (service === undefined) return;
  const found = world.services.find(({ namespace, name }) => namespace === service.namespace && name === service.name);
  addEndpoints(builder, found);
}

function addEndpoints(builder: VocabularyBuilder, service: WorldService | undefined): void {
  for (const { address } of service?.endpoints ?? []) builder.addPrefix(address);
}

function addPort(builder: VocabularyBuilder, port: CalicoPort): void {
  if (port.kind === "name") builder.addPortName(port.name);
}

function addCilium(builder: VocabularyBuilder, set: CiliumPolicySet, world: World): void {
  for (const rule of set.rules) {
    builder.addSelector(rule.subject.selector);
    const sections = [rule.ingress, rule.ingressDeny, rule.egress, rule.egressDeny];
    for (const direction of sections.flat()) addDirection(builder, direction, world);
  }
}

function addDirection(builder: VocabularyBuilder, { peers, l4 }: CiliumDirectionRule, world: World): void {
  if (peers.kind === "endpoints" || peers.kind === "nodes") peers.selectors.forEach(builder.addSelector);
  if (peers.kind === "cidrs") for (const { cidr, except } of peers.cidrs) [cidr, ...except].forEach(builder.addPrefix);
  if (peers.kind === "fqdns") peers.names.forEach(builder.addFQDN);
  if (peers.kind === "entities") for (const name of entityKeys) builder.addSelector({ kind: "has", key: name });
  if (peers.kind === "services")
    for (const service of servicesOf(peers.services, world)) {
      addEndpoints(builder, service);
      builder.addSelector({ kind: "in", key: "meta:namespace", values: [service.namespace] });
      for (const [key, value] of Object.entries(service.selector ?? {}))
        builder.addSelector({ kind: "in", key: `pod:${key}`, values: [value] });
    }
  for (const port of l4 ?? []) if (port.kind === "namedPort") builder.addPortName(port.name);
}

/** Labels that entities stand for. */
const entityKeys = [
  "reserved:host",
  "reserved:remote-node",
  "reserved:world",
  "reserved:world-ipv4",
  "reserved:world-ipv6",
  "reserved:health",
  "reserved:init",
  "reserved:ingress",
  "reserved:unmanaged",
  "reserved:kube-apiserver",
  "reserved:none",
  "meta:cluster",
];
