import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { scriptsFolder } from "./embed-scripts.ts";

// The scripts of helper pods with stand-ins for the programs of their images: what they make of the answers.

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "metachron-helper-"));
  for (const name of ["bin", "cni"]) mkdirSync(join(folder, name));
  program("sleep", "exit 0");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, text: string): void {
  writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, "bin", name), 0o755);
}

function files(contents: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(contents)) writeFileSync(join(folder, "cni", name), text);
}

function run(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const result = spawnSync("sh", [join(scriptsFolder, script), ...args], {
    encoding: "utf8",
    env: {
      PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
      CONF_DIR: join(folder, "cni"),
      COUNT: join(folder, "count"),
      MOST_LOOKS: "6",
      ...env,
    },
  });
  return { code: result.status, lines: result.stdout.split("\n").filter((line) => line !== "") };
}

/** An agent whose CNI file is in a state, and whose endpoint list is one of several, one at each look; the last stays. */
function agent(state: string, ...looks: readonly string[]): void {
  const cases = looks
    .map((look, at) => `${at === looks.length - 1 ? "*" : at}) printf '%s\\n' '${look}' ;;`)
    .join("\n");
  program(
    "cilium-dbg",
    `case "$1" in
status) echo ${state} ;;
endpoint) n=$(cat "$COUNT" 2>/dev/null || echo 0); echo $((n + 1)) >"$COUNT"; case "$n" in
${cases}
esac ;;
metrics) echo "cilium_drift_checker_config_delta 2.000000" ;;
esac`,
  );
}

const good = "7|ready|both|both|12|12|shop/web-1";
const behind = "7|ready|both|both|11|12|shop/web-1";

describe("node-check.sh", () => {
  test("is content when two looks in a row find everything in force", () => {
    agent("Ok", good);
    files({ "05-cilium.conflist": "{}", "10-canal.conflist.cilium_bak": "{}" });

    expect(run("node-check.sh", ["cilium"])).toEqual({
      code: 0,
      lines: ["endpoints: 1 ready, enforcement as it should be", "endpoints: 1 ready, enforcement as it should be"],
    });
  });

  test("begins to count anew when a regeneration starts between two looks", () => {
    agent("Ok", good, behind, good, good);
    files({ "05-cilium.conflist": "{}" });

    expect(run("node-check.sh", ["cilium"]).lines).toEqual([
      "endpoints: 1 ready, enforcement as it should be",
      "endpoints: not in force yet: 7(shop/web-1: ready, policy both of both, revision 11 of 12)",
      "endpoints: 1 ready, enforcement as it should be",
      "endpoints: 1 ready, enforcement as it should be",
    ]);
  });

  test.each<[string, string, string, Readonly<Record<string, string>>]>([
    ["the agent did not see its CiliumNodeConfig", "Disabled", good, { "05-cilium.conflist": "{}" }],
    ["its file is not on the disk", "Ok", good, { "10-canal.conflist": "{}" }],
    ["another file sorts first", "Ok", good, { "05-cilium.conflist": "{}", "01-other.conf": "{}" }],
    [
      "an endpoint is not enforced as it should be",
      "Ok",
      "7|ready|none|both|12|12|shop/web-1",
      { "05-cilium.conflist": "{}" },
    ],
    ["an endpoint is not ready", "Ok", "7|regenerating|both|both|12|12|shop/web-1", { "05-cilium.conflist": "{}" }],
  ])("gives up when %s", (_what, state, endpoints, contents) => {
    agent(state, endpoints);
    files(contents);

    expect(run("node-check.sh", ["cilium"]).code).toBe(1);
  });

  test("lets Multus stand first", () => {
    agent("Ok", good);
    files({ "05-cilium.conflist": "{}", "00-multus.conf": "{}" });

    expect(run("node-check.sh", ["cilium"]).code).toBe(0);
  });

  test("tells a node on the old network by agent and file", () => {
    agent("Disabled", good);
    files({ "10-canal.conflist": "{}" });

    expect(run("node-check.sh", ["source"]).code).toBe(0);
  });

  test("says how many keys the agent does not run with", () => {
    agent("Ok", good);

    expect(run("node-check.sh", ["drift"])).toMatchObject({
      code: 1,
      lines: expect.arrayContaining(["drift: 2.000000 keys differ from the ConfigMap"]),
    });
  });
});

describe("node-restore.sh", () => {
  const left = (): readonly string[] => readdirSync(join(folder, "cni")).sort();

  test("brings the old file back and takes Cilium's away", () => {
    agent("Disabled", "");
    files({ "05-cilium.conflist": "{}", "10-canal.conflist.cilium_bak": "old", "calico-kubeconfig": "x" });

    expect(run("node-restore.sh", []).code).toBe(0);
    expect(left()).toEqual(["10-canal.conflist", "calico-kubeconfig"]);
    expect(readFileSync(join(folder, "cni", "10-canal.conflist"), "utf8")).toBe("old");
  });

  test.each<[string, string, Readonly<Record<string, string>>]>([
    [
      "the agent would rename the old file again",
      "Ok",
      { "05-cilium.conflist": "{}", "10-canal.conflist.cilium_bak": "old" },
    ],
    ["the renamed file is empty", "Disabled", { "05-cilium.conflist": "{}", "10-canal.conflist.cilium_bak": "" }],
    ["there is no other file", "Disabled", { "05-cilium.conflist": "{}" }],
  ])("refuses, and leaves every file, when %s", (_what, state, contents) => {
    agent(state, "");
    files(contents);

    expect(run("node-restore.sh", []).code).toBe(1);
    expect(left()).toEqual(Object.keys(contents).sort());
  });

  test("does not put a renamed file over one that the old network has written anew", () => {
    agent("Disabled", "");
    files({ "05-cilium.conflist": "{}", "10-canal.conflist": "new", "10-canal.conflist.cilium_bak": "old" });

    expect(run("node-restore.sh", []).code).toBe(0);
    expect(readFileSync(join(folder, "cni", "10-canal.conflist"), "utf8")).toBe("new");
  });
});

describe("probe.sh", () => {
  const vector = (value: string): string =>
    `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"${value}"]}]}}`;
  const empty = '{"status":"success","data":{"resultType":"vector","result":[]}}';
  const scalar = '{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}';

  test.each([
    ["a value", vector("3"), "non-zero", 0],
    ["a zero as a plain value", vector("0"), "non-zero", 1],
    ["a zero that a comparison let through", vector("0"), "non-empty", 0],
    ["nothing", empty, "non-empty", 1],
    ["a scalar", scalar, "non-zero", 0],
    ["an error", '{"status":"error","error":"x"}', "non-empty", 1],
  ])("judges %s", (_what, answer, judgement, code) => {
    program("curl", `printf '%s' '${answer}'`);

    const env = { METACHRON_PROMETHEUS_URL: "http://p", METACHRON_QUERY: "up", METACHRON_JUDGEMENT: judgement };
    expect(run("probe.sh", ["query", "slo"], env).code).toBe(code);
  });

  test("takes targets apart, IPv6 too, and says which one does not answer", () => {
    program("nc", 'echo "$@" >>"$COUNT"; [ "$4" != fd00::2 ]');

    const env = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
    const result = run("probe.sh", ["connect", "tcp://10.245.0.7:8080", "tcp://[fd00::2]:8080", "api"], env);

    expect(result.code).toBe(1);
    expect(result.lines.map((line) => line.replace(/:$| after.*$/u, ""))).toEqual([
      "tcp://10.245.0.7:8080 answered",
      "no answer from tcp://[fd00::2]:8080: ",
      "tcp://[10.96.0.1]:443 answered",
    ]);
    expect([...new Set(readFileSync(join(folder, "count"), "utf8").trim().split("\n"))]).toEqual([
      "-z -w 5 10.245.0.7 8080",
      "-z -w 5 fd00::2 8080",
      "-z -w 5 10.96.0.1 443",
    ]);
  });

  test("wants Goldpinger healthy several times in a row", () => {
    program("curl", 'n=$(cat "$COUNT" 2>/dev/null || echo 0); echo $((n + 1)) >"$COUNT"; [ "$n" != 1 ] || exit 22');

    const env = { METACHRON_GOLDPINGER_URL: "http://g:8080", METACHRON_HEALTHY_ANSWERS: "2" };
    expect(run("probe.sh", ["goldpinger"], env)).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, "count"), "utf8")).toBe("4\n");
  });
});

describe("probe-pod.sh", () => {
  const ask = (targets: string) => {
    const { code } = run("probe-pod.sh", ["ask"], {
      TARGETS: targets,
      WORK_DIR: folder,
      MESSAGE_FILE: join(folder, "message"),
    });
    return { code, message: readFileSync(join(folder, "message"), "utf8") };
  };

  test("asks once for what passes as wanted, and three times for what does not", () => {
    program("agnhost", 'case "$*" in "connect --timeout=2s --protocol=tcp 10.0.0.1:80") exit 0 ;; *) exit 1 ;; esac');

    expect(ask("p01,allow,tcp,10.0.0.1:80 p02,deny,udp,10.0.0.1:80 p03,deny,tcp,[fd00::1]:80")).toEqual({
      code: 0,
      message: "p01 allow 1\np02 deny 3\np03 deny 3\n",
    });
  });

  test("tells what it saw at last when it never was as wanted", () => {
    program("agnhost", 'case "$4" in 10.0.0.1:80) exit 0 ;; *) exit 1 ;; esac');

    expect(ask("p01,deny,tcp,10.0.0.1:80 p02,allow,tcp,10.0.0.2:80").message).toBe("p01 allow 12\np02 deny 12\n");
  });

  test("forgives a verdict that is early", () => {
    program("agnhost", 'n=$(cat "$COUNT" 2>/dev/null || echo 0); echo $((n + 1)) >"$COUNT"; [ "$n" -ge 2 ]');

    expect(ask("p01,allow,tcp,10.0.0.1:80").message).toBe("p01 allow 3\n");
  });

  test("says that it listens when each port answers from inside", () => {
    program("agnhost", 'echo "$*" >>"$COUNT"');

    const { code } = run("probe-pod.sh", ["serve"], { PORTS: "tcp/80 udp/53", WORK_DIR: folder });

    expect(code).toBe(0);
    expect(readdirSync(folder)).toContain("listening");
    expect(readFileSync(join(folder, "count"), "utf8").trim().split("\n").sort()).toEqual([
      "connect --timeout=2s --protocol=tcp 127.0.0.1:80",
      "connect --timeout=2s --protocol=udp 127.0.0.1:53",
      "serve-hostname --tcp --http=false --port=80",
      "serve-hostname --udp --http=false --port=53",
    ]);
  });

  test("says so when the image has no agnhost", () => {
    const { code } = run("probe-pod.sh", ["ask"], {
      PATH: "/usr/bin:/bin",
      TARGETS: "",
      WORK_DIR: folder,
      MESSAGE_FILE: join(folder, "message"),
    });

    expect([code, readFileSync(join(folder, "message"), "utf8")]).toEqual([1, "the probe image has no agnhost\n"]);
  });
});
