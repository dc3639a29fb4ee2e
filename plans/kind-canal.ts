// The same plan as kind-canal.yaml, the cdk8s way: take the constructs apart, add your own, then write the tree.
// Run by `cdk8s synth` (cdk8s.yaml) or `npx tsx plans/kind-canal.ts`; metachron synth writes the same bytes.
import { loadApp } from "../lib/index.ts";

const loaded = await loadApp({ plan: "plans/kind-canal.yaml", out: "dist" });
if (loaded.value === undefined) throw new Error(JSON.stringify(loaded.findings, undefined, 2));
await loaded.value.write();
