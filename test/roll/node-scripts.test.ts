import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { scriptsFolder } from "./embed-scripts.ts";
import { sampleClean } from "./sample.ts";
import { canUseIptables, inNamespace, iptablesNote } from "./stand-in/network-namespace.ts";

const programs = [["iptables-nft"], ["iptables-legacy"]];
const lines = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");

describe.skipIf(!canUseIptables).each(programs)(`node-hostports.sh on %s${iptablesNote}`, (program) => {
  const sweep = join(scriptsFolder, "node-hostports.sh");
  // As the portmap plugin writes them: one chain for each pod, the older one in front.
  const entry = (chain: string, network: string, address: string): string =>
    [
      `${program} -t nat -N ${chain}`,
      `${program} -t nat -A ${chain} -s ${address}/32 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK`,
      `${program} -t nat -A ${chain} -p tcp -m tcp --dport 8080 -j DNAT --to-destination ${address}:80`,
      `${program} -t nat -A CNI-HOSTPORT-DNAT -p tcp -m comment --comment 'dnat name: "${network}" id: "${chain}"' -m multiport --dports 8080 -j ${chain}`,
    ].join("\n");
  const setUp = [
    `${program} -t nat -N CNI-HOSTPORT-DNAT; ${program} -t nat -N CNI-HOSTPORT-SETMARK`,
    `${program} -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT`,
    entry("CNI-DN-aaaa", "k8s-pod-network", "10.244.1.5"),
    entry("CNI-DN-bbbb", "portmap", "10.245.1.7"),
  ].join("\n");

  test("deletes entries of pods that are gone and keeps those of living ones", () => {
    const run = inNamespace(
      [
        setUp,
        `sh ${sweep} 10.245.1.7,10.245.1.9,; echo "exit $?"`,
        `${program} -t nat -S | grep CNI-DN | cut -d ' ' -f 1,2`,
      ].join("\n"),
    );

    expect(lines(run.stdout)).toEqual([
      `${program}: deleted CNI-DN-aaaa`,
      "exit 0",
      "-N CNI-DN-bbbb",
      "-A CNI-DN-bbbb",
      "-A CNI-DN-bbbb",
      "-A CNI-HOSTPORT-DNAT",
    ]);
  });

  test("does nothing where every entry is alive", () => {
    const run = inNamespace(
      [
        setUp,
        `${program}-save | grep '^-A' >/run/before`,
        `sh ${sweep} 10.245.1.7,10.244.1.5,; echo "exit $?"`,
        `${program}-save | grep '^-A' | diff /run/before - && echo same`,
      ].join("\n"),
    );

    expect(lines(run.stdout)).toEqual(["exit 0", "same"]);
  });
});

describe.skipIf(!canUseIptables).each(programs)(`node-clean.sh on %s${iptablesNote}`, (program) => {
  const clean = join(scriptsFolder, "node-clean.sh");
  const { leftovers } = sampleClean;
  const lists = {
    "chain-prefixes": leftovers.iptablesChainPrefixes,
    "rule-tags": leftovers.iptablesRuleTags,
    "portmap-networks": leftovers.portmapNetworks,
    "nft-tables": leftovers.nftTables,
    "ipset-prefixes": leftovers.ipsetPrefixes,
    devices: leftovers.devices,
  };
  const writeLists = (files: readonly string[]): string =>
    [
      "mkdir /run/lists",
      ...Object.entries({ ...lists, files }).map(
        ([name, entries]) => `printf '%s\\n' ${entries.map((one) => `'${one}'`).join(" ")} >/run/lists/${name}`,
      ),
    ].join("\n");
  const run = (text: string, files: readonly string[] = []): readonly string[] => {
    const whole = [
      writeLists(files),
      text,
      `HOST_ROOT=/ TMP_DIR=/run sh ${clean} /run/lists >/run/log 2>&1; echo "exit $?"`,
    ];
    return lines(
      inNamespace(
        [
          ...whole,
          `${program}-save | grep -v '^#' | sed 's/ \\[.*//'`,
          "echo --",
          "grep FAILED /run/log; cat /run/extra 2>/dev/null",
        ].join("\n"),
      ).stdout,
    );
  };

  // What Canal leaves, among what others have.
  const canal = [
    `${program} -N cali-FORWARD; ${program} -N cali-from-wl-dispatch; ${program} -N FLANNEL-FWD; ${program} -N KUBE-FORWARD`,
    `${program} -A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD`,
    `${program} -A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD`,
    `${program} -A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD`,
    `${program} -A FORWARD -m comment --comment "cali:S93hcgKJrXEqnTfs" -m mark --mark 0x10000/0x10000 -j ACCEPT`,
    `${program} -A FORWARD -s 10.245.0.0/16 -d 10.244.0.0/16 -m comment --comment metachron-bridge -j ACCEPT`,
    `${program} -A cali-FORWARD -m comment --comment "cali:x" -j cali-from-wl-dispatch`,
    `${program} -A cali-from-wl-dispatch -m comment --comment "cali:Unknown interface" -j DROP`,
    `${program} -A FLANNEL-FWD -s 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT`,
    `${program} -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP`,
    `${program} -t nat -N FLANNEL-POSTRTG; ${program} -t nat -N CNI-HOSTPORT-DNAT; ${program} -t nat -N CNI-DN-old; ${program} -t nat -N CNI-DN-new`,
    `${program} -t nat -A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG`,
    `${program} -t nat -A CNI-HOSTPORT-DNAT -p tcp -m comment --comment 'dnat name: "k8s-pod-network" id: "old"' -j CNI-DN-old`,
    `${program} -t nat -A CNI-HOSTPORT-DNAT -p tcp -m comment --comment 'dnat name: "portmap" id: "new"' -j CNI-DN-new`,
    `${program} -t nat -A CNI-DN-old -p tcp -j DNAT --to-destination 10.244.1.5:80`,
    `${program} -t nat -A CNI-DN-new -p tcp -j DNAT --to-destination 10.245.1.5:80`,
    `${program} -t raw -N cali-PREROUTING; ${program} -t raw -A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING`,
  ].join("\n");

  test("deletes the old network's rules and chains in every table, and nothing of others", () => {
    expect(
      run(canal)
        .filter((line) => !/^:(?:PREROUTING|INPUT|OUTPUT|POSTROUTING|FORWARD) /u.test(line))
        .sort(),
    ).toEqual(
      [
        "exit 0",
        ...["*filter", "*nat", "*raw"],
        ...["COMMIT", "COMMIT", "COMMIT"],
        ":KUBE-FORWARD -",
        ":CNI-DN-new -",
        ":CNI-HOSTPORT-DNAT -",
        '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
        "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
        '-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"portmap\\" id: \\"new\\"" -j CNI-DN-new',
        "-A CNI-DN-new -p tcp -j DNAT --to-destination 10.245.1.5:80",
        "--",
      ].sort(),
    );
  });

  test("is content with a node that is clean, and can be run twice", () => {
    const twice = run(`${canal}\nHOST_ROOT=/ TMP_DIR=/run sh ${clean} /run/lists >/run/first 2>&1`);

    expect(twice).toContain("exit 0");
    expect(twice.filter((line) => /cali-|FLANNEL/u.test(line))).toEqual([]);
  });

  // What follows does not differ between the backends.
  if (program === "iptables-legacy") return;

  test("deletes a jump of somebody else to a chain of the old network with the chain", () => {
    // A chain that is still jumped to cannot be deleted, and the whole transaction would fail.
    const text = `${canal}\n${program} -N OTHERS\n${program} -A OTHERS -j cali-from-wl-dispatch`;

    const left = run(text);

    expect(left.filter((line) => line.includes("cali-"))).toEqual([]);
    expect(left).toContain(":OTHERS -");
  });

  test("deletes devices by name and by pattern, but never one that carries the default route", () => {
    const text = [
      "ip link add flannel.1 type veth peer name cali123; ip link add eth0 type veth peer name caliup",
      "ip address add 192.0.2.1/24 dev caliup; ip link set caliup up; ip link set eth0 up; ip route add default via 192.0.2.2 dev caliup",
    ].join("\n");

    const left = run(text);

    expect(left.filter((line) => line.startsWith("FAILED"))).toEqual([
      "FAILED: device caliup carries the default route: it is left alone",
    ]);
    expect(left).toContain("exit 1");
  });

  test("deletes the files of the list and refuses what others may use", () => {
    const text = "mkdir -p /run/flannel /run/keep; touch /run/flannel/subnet.env /run/keep/me";
    const files = [
      "/run/flannel",
      "/etc/cni/net.d",
      "/etc/cni/net.d/05-cilium.conflist",
      "/var/lib/kubelet/pods",
      "/run/../etc/passwd",
      "/run/keep/*",
    ];

    const left = run(`${text}\n`, files).slice(-6);

    expect(left.filter((line) => line.startsWith("FAILED"))).toEqual(
      files.slice(1).map((file) => `FAILED: ${file}: not deleted, others may use it`),
    );
  });
});
