// Generated from scripts/*.sh by `npx tsx test/roll/embed-scripts.ts`; a test holds the two together.

/** The scripts of the Jobs and helper pods: file name to text. */
export const scripts: Readonly<Record<string, string>> = {
  "agents.sh": String.raw`#!/bin/sh
# Restarts every Cilium agent on the configuration that is in the cluster now: the first alone, then BATCH at a time.
# Runs in the Job of the stage that brings the final values, and of the one that switches node selectors on.
#
#   1 gate: stage before        4 the operator, first half: only when RESTART_OPERATOR is yes
#   2 every node is known       5 agents: restart, Ready, no key differs from the configuration, endpoints in force
#   3 the values are there      6 policies are Valid, signals, marker
#
# Nodes that no wave took (EXCLUDED) and nodes that joined since would be taken over at their agent's next start, with
# their pods still on the old network: step 2 refuses.

# shellcheck disable=SC2153,SC2317,SC2329 # variables come from the Job; functions are handed to wait_for by name

SCRIPTS=$(dirname "$0")
# shellcheck source=common.sh
. "$SCRIPTS/common.sh"
# shellcheck source=nodes.sh
. "$SCRIPTS/nodes.sh"
# shellcheck source=signals.sh
. "$SCRIPTS/signals.sh"

# --- step 2: nodes and pods ---------------------------------------------------------------------------------------------

# UNKNOWN: Linux nodes that are not in the list of the stage (one name a line).
every_node_is_known() {
  linux_nodes >"$WORK_DIR/nodes" || return 1
  UNKNOWN=$(grep -vxF -f "$STAGE_DIR/nodes" "$WORK_DIR/nodes" | tr '\n' ' ')
  [ -z "$UNKNOWN" ]
}

no_pod_is_old() {
  find_pods is_old_address && [ "$FOUND_COUNT" -eq 0 ]
}

# --- step 3: the values -------------------------------------------------------------------------------------------------

# Each line of the file "config" is KEY=VALUE of the ConfigMap cilium-config; "KEY=" means empty or not there.
values_are_there() {
  WRONG_KEYS=
  while IFS='=' read -r config_key config_value; do
    [ -n "$config_key" ] || continue
    config_found=$(k get configmap cilium-config -n "$CILIUM_NAMESPACE" -o "jsonpath={.data.$(printf '%s' "$config_key" | sed 's/\./\\./g')}") || return 1
    [ "$config_found" = "$config_value" ] || WRONG_KEYS="$WRONG_KEYS $config_key('$config_found')"
  done <"$STAGE_DIR/config"
  [ -z "$WRONG_KEYS" ]
}

delete_node_configs() {
  while IFS= read -r config_name; do
    [ -n "$config_name" ] || continue
    k delete ciliumnodeconfig "$config_name" -n "$CILIUM_NAMESPACE" --ignore-not-found >/dev/null ||
      die 30 "CiliumNodeConfig $config_name cannot be deleted: $(api_error)"
  done <"$STAGE_DIR/node-configs"
}

# --- step 4: the operator -----------------------------------------------------------------------------------------------

operator_pods() {
  k get pods -n "$CILIUM_NAMESPACE" -l name=cilium-operator -o 'jsonpath={range .items[*]}{.metadata.name}|{.metadata.uid}|{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}'
}

operator_is_new() {
  operator_now=$(operator_pods) || return 1
  [ -n "$operator_now" ] || return 1
  for operator_line in $operator_now; do
    case "$operator_line" in
      *"|True") ;;
      *) return 1 ;;
    esac
    case " $OPERATOR_BEFORE " in
      *" $(printf '%s' "$operator_line" | cut -d '|' -f 2) "*) return 1 ;;
    esac
  done
}

# Both must read the new configuration: with agents alone policies stay "not Valid", with the operator alone they are
# "Valid" and not enforced.
restart_operator() {
  CURRENT_STEP=4
  [ "$RESTART_OPERATOR" = yes ] || return 0
  OPERATOR_BEFORE=$(marker_read "$STAGE" operator)
  if [ -z "$OPERATOR_BEFORE" ]; then
    OPERATOR_BEFORE=$(operator_pods | cut -d '|' -f 2 | tr '\n' ' ')
    marker_must_write operator "$OPERATOR_BEFORE"
  fi
  operator_is_new && return 0
  for operator_line in $(operator_pods); do
    case " $OPERATOR_BEFORE " in
      *" $(printf '%s' "$operator_line" | cut -d '|' -f 2) "*) ;;
      *) continue ;;
    esac
    k delete pod "$(printf '%s' "$operator_line" | cut -d '|' -f 1)" -n "$CILIUM_NAMESPACE" --ignore-not-found --wait=false >/dev/null ||
      die 50 "an operator pod cannot be deleted: $(api_error)"
  done
  wait_for 600 operator_is_new || die 50 "the operator is not back: $operator_now"
  log operator "restarted"
}

# --- step 5: the agents -------------------------------------------------------------------------------------------------

# The record of a node is the uid of the agent to replace, then "done".
start_agent() {
  agent_record=$(marker_read "$STAGE" "node.$1") || die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
  [ "$agent_record" != "done" ] || return 0
  if [ -z "$agent_record" ]; then
    wait_for 120 agent_is_back "$1" none || die 50 "there is no Ready agent on node $1"
    agent_record=$AGENT_UID
    marker_must_write "node.$1" "$agent_record"
  fi
  wait_for 60 find_agent "$1" || die 10 "the agent of node $1 cannot be read: $(api_error)"
  if [ "$AGENT_UID" = "$agent_record" ]; then
    k delete pod "$AGENT_POD" -n "$CILIUM_NAMESPACE" --ignore-not-found --wait=false >/dev/null ||
      die 50 "the agent of node $1 cannot be deleted: $(api_error)"
  fi
}

end_agent() {
  CURRENT_NODE=$1
  agent_record=$(marker_read "$STAGE" "node.$1") || die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
  [ "$agent_record" != "done" ] || return 0
  wait_for 600 agent_is_back "$1" "$agent_record" || die 50 "the agent of node $1 is not back and Ready"
  helper_run 400 check "check-$STAGE" "$1" CILIUM_IMAGE "$AGENT_IMAGE" CHECK drift ||
    die 50 "the agent of node $1 does not run with the configuration, or its endpoints are not in force"
  marker_must_write "node.$1" "done"
  log agent "restarted, runs with the configuration of now"
  CURRENT_NODE=
}

restart_agents() {
  CURRENT_STEP=5
  batch=
  batch_count=0
  batch_size=1
  while IFS= read -r agent_node <&4; do
    start_agent "$agent_node"
    batch="$batch $agent_node"
    batch_count=$((batch_count + 1))
    [ "$batch_count" -ge "$batch_size" ] || continue
    for batch_node in $batch; do end_agent "$batch_node"; done
    batch=
    batch_count=0
    # The first node alone shows whether the values are good.
    batch_size=$BATCH
  done 4<"$WORK_DIR/nodes"
  for batch_node in $batch; do end_agent "$batch_node"; done
}

main() {
  start_script CILIUM_NAMESPACE OLD_CIDRS NEW_CIDRS BATCH CHECK_NODES RESTART_OPERATOR END_STATE NODES POLICIES SIGNALS
  lease_take
  CURRENT_STEP=1
  if already_done "$END_STATE"; then
    log skip "this stage is $END_STATE with this digest"
    lease_release
    exit 0
  fi
  marker_open running
  check_previous
  CURRENT_STEP=2
  if [ "$CHECK_NODES" = yes ]; then
    wait_for 60 every_node_is_known || die 30 "nodes that no done wave took would be taken over: $UNKNOWN"
    wait_for 60 no_pod_is_old || die 61 "$FOUND_COUNT pods are still on the old network:$FOUND_PODS"
  fi
  linux_nodes >"$WORK_DIR/nodes" || die 10 "the nodes cannot be listed: $(api_error)"
  CURRENT_STEP=3
  wait_for 1800 values_are_there || die 30 "cilium-config does not hold the values of this stage:$WRONG_KEYS"
  delete_node_configs
  restart_operator
  restart_agents
  wait_for 300 agents_are_ready || die 50 "Cilium agents are not Ready on: $agents_unready"
  CURRENT_STEP=6
  if [ "$POLICIES" -gt 0 ]; then
    wait_for 600 policies_are_valid || die 60 "$POLICY_TROUBLE"
  fi
  check_signals after
  finish "$END_STATE" "every agent runs with the configuration of this stage"
}

main
`,
  "bridge.sh": String.raw`#!/bin/sh
# Keeps old and new pods talking with their own addresses, on this node, as long as both networks run.
# Runs in the DaemonSet metachron-bridge: host network, privileged, no CNI needed. Looks once a second.
#
#   bridge.sh keep     puts the rules in place and keeps them there
#   bridge.sh remove   takes them away and keeps them away (the way back)
#   bridge.sh ready    for the readiness probe: the last look, not older than 10 s, found everything right
#
# For each pair of an old and a new prefix of one family:
#   nat POSTROUTING  -s NEW -d OLD -j ACCEPT   first: no SNAT, so that the old pod's policy engine sees who really calls
#   nat POSTROUTING  -s OLD -d NEW -j ACCEPT   first: no SNAT, so that Cilium sees an old pod as "unmanaged", not "world"
#   filter FORWARD   -s NEW -d OLD -j ACCEPT   right after the jump to the old network's policy chain, which decides
#                                              first, and before KUBE-FORWARD: the path is asymmetric, conntrack calls
#                                              the answer INVALID, and kube-proxy would drop it
# and rp_filter 1 -> 2 on the devices over which such packets arrive: the strict form drops what came the other way.
#
# Rules stay when this pod stops: a rolling update or an eviction must not open or close anything. They change in one
# iptables-restore transaction per table, so there is no moment without them. The backend (nft or legacy) is the one that
# holds the old network's rules, whatever the image prefers.

set -u

TAG=metachron-bridge
[ -n "$(printenv STATE_DIR)" ] || STATE_DIR=/run/metachron
[ -n "$(printenv PROC)" ] || PROC=/proc
READY_FILE=$STATE_DIR/ready

say() {
  printf '{"node":"%s","event":"%s","message":"%s"}\n' "$NODE_NAME" "$1" "$2"
}

uptime_seconds() {
  IFS=. read -r uptime_now _ <"$PROC/uptime"
  printf '%s' "$uptime_now"
}

# --- backend ------------------------------------------------------------------------------------------------------------

# count_rules PROGRAM PATTERN: how many lines of this backend match. The save programs only read: the legacy one does not
# load a table that is not in use.
count_rules() {
  if ! command -v "$1-save" >/dev/null 2>&1; then
    echo 0
    return 0
  fi
  "$1-save" 2>/dev/null | grep -c -e "$2"
  return 0
}

# backend_of 4|6: the old network's chains decide; then those of kubelet and kube-proxy; then nft.
backend_of() {
  case "$1" in
    4) program=iptables ;;
    *) program=ip6tables ;;
  esac
  for pattern in "$SOURCE_CHAINS" KUBE-; do
    [ -n "$pattern" ] || continue
    nft_count=$(count_rules "$program-nft" "$pattern")
    legacy_count=$(count_rules "$program-legacy" "$pattern")
    if [ "$((nft_count + legacy_count))" -gt 0 ]; then
      if [ "$legacy_count" -gt "$nft_count" ]; then program=$program-legacy; else program=$program-nft; fi
      printf '%s' "$program"
      return 0
    fi
  done
  if command -v "$program-nft" >/dev/null 2>&1; then program=$program-nft; fi
  printf '%s' "$program"
}

# --- rules --------------------------------------------------------------------------------------------------------------

# The rules as "iptables -S" prints them, without the chain.
rule() {
  printf -- '-s %s -d %s -m comment --comment %s -j ACCEPT\n' "$1" "$2" "$TAG"
}

family_of() {
  case "$1" in
    *:*) printf 6 ;;
    *) printf 4 ;;
  esac
}

# wanted 4|6 nat|filter: the rules of one family and table, in their order.
wanted() {
  for old in $OLD_CIDRS; do
    for new in $NEW_CIDRS; do
      [ "$(family_of "$old")$(family_of "$new")" = "$1$1" ] || continue
      rule "$new" "$old"
      [ "$2" = filter ] || rule "$old" "$new"
    done
  done
}

# chain PROGRAM TABLE CHAIN: its rules without "-A CHAIN ", one a line.
chain() {
  "$1" -w 5 -t "$2" -S "$3" 2>/dev/null | sed -n "s/^-A $3 //p" | sed "s/--comment \"$TAG\"/--comment $TAG/"
}

# line_of PATTERN: number of the first matching line of the input; 0 when there is none.
line_of() {
  found_line=$(grep -n -e "$1" | sed -n 1p | cut -d : -f 1)
  [ -n "$found_line" ] || found_line=0
  printf '%s' "$found_line"
}

# put PROGRAM TABLE CHAIN PLACE RULES: one transaction that takes our rules out of the chain and puts RULES at PLACE,
# counted without ours. Its text is made first: the legacy restore holds the lock that listing a chain needs.
put() {
  put_text=$({
    printf '*%s\n' "$2"
    chain "$1" "$2" "$3" | grep -e "--comment $TAG " | sed "s/^/-D $3 /"
    put_place=$4
    printf '%s\n' "$5" | while IFS= read -r put_rule; do
      [ -n "$put_rule" ] || continue
      printf -- '-I %s %s %s\n' "$3" "$put_place" "$put_rule"
      put_place=$((put_place + 1))
    done
    printf 'COMMIT\n'
  })
  printf '%s\n' "$put_text" | "$1-restore" -w 5 --noflush
}

# keep_nat 4|6 PROGRAM: ours are the first rules of nat POSTROUTING.
keep_nat() {
  nat_wanted=$(wanted "$1" nat)
  nat_chain=$(chain "$2" nat POSTROUTING)
  nat_count=$(printf '%s\n' "$nat_wanted" | grep -c .)
  nat_tagged=$(printf '%s\n' "$nat_chain" | grep -c -e "--comment $TAG ")
  [ "$(printf '%s\n' "$nat_chain" | head -n "$nat_count")" = "$nat_wanted" ] && [ "$nat_tagged" = "$nat_count" ] && return 0
  put "$2" nat POSTROUTING 1 "$nat_wanted" || return 1
  say rules "$2: nat POSTROUTING set right"
}

# keep_forward 4|6 PROGRAM: ours follow the jump to the old network's policy chain; without one they are first.
# Where the policy chain is missing although the old network has policies, old pods are not protected at all: nothing is
# accepted past it then, and the node is not ready.
keep_forward() {
  forward_wanted=$(wanted "$1" filter)
  forward_chain=$(chain "$2" filter FORWARD)
  forward_others=$(printf '%s\n' "$forward_chain" | grep -v -e "--comment $TAG ")
  policy_line=0
  if [ -n "$POLICY_CHAIN" ]; then
    policy_line=$(printf '%s\n' "$forward_others" | line_of "-j $POLICY_CHAIN\$")
    if [ "$policy_line" = 0 ]; then
      [ "$forward_chain" = "$forward_others" ] || put "$2" filter FORWARD 1 ""
      say waiting "$2: FORWARD has no jump to $POLICY_CHAIN"
      return 1
    fi
  fi
  forward_right=$({
    printf '%s\n' "$forward_others" | head -n "$policy_line"
    printf '%s\n' "$forward_wanted"
    printf '%s\n' "$forward_others" | tail -n +"$((policy_line + 1))"
  } | grep .)
  if [ "$(printf '%s\n' "$forward_chain" | grep .)" != "$forward_right" ]; then
    put "$2" filter FORWARD "$((policy_line + 1))" "$forward_wanted" || return 1
    say rules "$2: filter FORWARD set right"
  fi
  others_are_behind
}

# Neither kube-proxy's drop of INVALID nor Cilium's wholesale accept may stand before the policy chain and our rules. This
# script does not move them: kube-proxy and the agent put them there, Felix moves its own chain up again.
others_are_behind() {
  for other in KUBE-FORWARD CILIUM_FORWARD; do
    other_line=$(printf '%s\n' "$forward_others" | line_of "-j $other\$")
    if [ "$other_line" -gt 0 ] && [ "$other_line" -le "$policy_line" ]; then
      say waiting "FORWARD: $other stands before $POLICY_CHAIN"
      return 1
    fi
  done
  return 0
}

# --- rp_filter ----------------------------------------------------------------------------------------------------------

# The devices over which packets of the other network arrive; the word "default" stands for those of default routes.
arrival_devices() {
  for device in $ARRIVAL_DEVICES; do
    if [ "$device" = default ]; then
      tr '\t' ' ' <"$PROC/net/route" | sed -n 's/^\([^ ]*\) 00000000 .*/\1/p'
    else
      printf '%s\n' "$device"
    fi
  done
}

loosen() {
  for device in $(arrival_devices); do
    filter_file=$PROC/sys/net/ipv4/conf/$device/rp_filter
    [ "$(cat "$filter_file" 2>/dev/null)" = 1 ] || continue
    : >"$STATE_DIR/loosened.$device"
    echo 2 >"$filter_file" || return 1
    say rp_filter "$device: 1 -> 2"
  done
  return 0
}

tighten() {
  for loosened in "$STATE_DIR"/loosened.*; do
    [ -e "$loosened" ] || continue
    device=$(printf '%s' "$loosened" | sed 's|.*/loosened\.||')
    filter_file=$PROC/sys/net/ipv4/conf/$device/rp_filter
    [ ! -e "$filter_file" ] || echo 1 >"$filter_file" || return 1
    rm -f "$loosened"
    say rp_filter "$device: 2 -> 1"
  done
  return 0
}

# --- one look -----------------------------------------------------------------------------------------------------------

families() {
  for family in 4 6; do
    [ -z "$(wanted "$family" nat)" ] || printf '%s ' "$family"
  done
}

# choose_backends: asked at the start, once a minute, and whenever something is not right: the old network may not have
# written its rules when this pod starts. Not at each look, because it lists every table there is.
choose_backends() {
  PROGRAM4=
  PROGRAM6=
  for family in $FAMILIES; do
    case "$family" in
      4) PROGRAM4=$(backend_of 4) ;;
      *) PROGRAM6=$(backend_of 6) ;;
    esac
  done
}

keep() {
  keep_result=0
  if [ "$((LOOKS % 60))" -eq 0 ] || [ "$LAST" != right ]; then choose_backends; fi
  loosen || keep_result=1
  for family in $FAMILIES; do
    if [ "$family" = 4 ]; then program=$PROGRAM4; else program=$PROGRAM6; fi
    keep_nat "$family" "$program" || keep_result=1
    keep_forward "$family" "$program" || keep_result=1
  done
  return "$keep_result"
}

remove() {
  remove_result=0
  for program in iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy; do
    [ "$(count_rules "$program" "--comment \"*$TAG\"* ")" -gt 0 ] || continue
    put "$program" nat POSTROUTING 1 "" && put "$program" filter FORWARD 1 "" || remove_result=1
    say rules "$program: removed"
  done
  tighten || remove_result=1
  return "$remove_result"
}

ready() {
  [ -e "$READY_FILE" ] || return 1
  [ "$(($(uptime_seconds) - $(cat "$READY_FILE")))" -le 10 ]
}

run() {
  mkdir -p "$STATE_DIR"
  FAMILIES=$(families)
  say started "$1: old [$OLD_CIDRS] new [$NEW_CIDRS]"
  trap 'say stopped "the rules stay as they are"; exit 0' TERM INT
  LOOKS=0
  LAST=
  while :; do
    if "$1"; then
      uptime_seconds >"$READY_FILE"
      LAST=right
    else
      rm -f "$READY_FILE"
      LAST=wrong
    fi
    LOOKS=$((LOOKS + 1))
    if [ "$ONCE" = yes ]; then
      ready
      exit
    fi
    sleep 1
  done
}

[ -n "$(printenv ONCE)" ] || ONCE=no
case "$1" in
  keep | remove) run "$1" ;;
  ready) ready ;;
  *) exit 2 ;;
esac
`,
  "clean-nodes.sh": String.raw`#!/bin/sh
# Cleans the nodes of what the old network left: the first alone, then BATCH at a time. Runs in the Job of the last stage.
# There is no way back after this; a node that fails stays as it is, with the log of its helper pod here.
#
#   1 gate: stage before            3 the node: helper pod "clean" (node-clean.sh says what and in which order)
#   2 no pod is on the old network  4 its endpoints are in force, and its echo pod answers a pod of another node
#                                   5 the old network's annotations on the Node object

# shellcheck disable=SC2153,SC2317,SC2329 # variables come from the Job; functions are handed to wait_for by name

SCRIPTS=$(dirname "$0")
# shellcheck source=common.sh
. "$SCRIPTS/common.sh"
# shellcheck source=nodes.sh
. "$SCRIPTS/nodes.sh"
# shellcheck source=objects.sh
. "$SCRIPTS/objects.sh"
# shellcheck source=signals.sh
. "$SCRIPTS/signals.sh"

no_pod_is_old() {
  find_pods is_old_address && [ "$FOUND_COUNT" -eq 0 ]
}

# The helper pods of a batch have names of their own: their number in the batch.
start_clean() {
  CURRENT_NODE=$1
  CURRENT_STEP=3
  wait_for 60 find_agent "$1" || die 10 "the agent of node $1 cannot be read: $(api_error)"
  helper_apply clean "clean-$STAGE-$2" "$1" CILIUM_IMAGE "$AGENT_IMAGE" ||
    die 50 "the helper pod of node $1 cannot be made: $(api_error)"
}

end_clean() {
  CURRENT_NODE=$1
  CURRENT_STEP=3
  clean_pod=clean-$STAGE-$2
  wait_for 600 helper_ended "$clean_pod" || die 50 "node $1 was not cleaned in time: $(helper_why "$clean_pod")"
  clean_phase=$helper_phase
  helper_logs "$clean_pod"
  [ "$clean_phase" = Succeeded ] || die 50 "node $1 could not be cleaned; its log is above"
  helper_delete "$clean_pod" || log helper "pod $clean_pod is still there: $(api_error)"
  check_node "$1"
  CURRENT_STEP=5
  clean_annotations "$1"
  marker_must_write "node.$1" "done"
  log clean "the node is clean"
}

check_node() {
  CURRENT_STEP=4
  wait_for 60 find_agent "$1" || die 10 "the agent of node $1 cannot be read: $(api_error)"
  helper_run 400 check "check-$STAGE" "$1" CILIUM_IMAGE "$AGENT_IMAGE" CHECK endpoints ||
    die 60 "endpoints of node $1 are not in force after the cleaning"
  k get pods -n "$NAMESPACE" -l app.kubernetes.io/name=metachron-echo \
    -o 'jsonpath={range .items[*]}{.spec.nodeName}|{.status.podIP}|{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' |
    grep '|True$' >"$WORK_DIR/echo"
  echo_here=$(grep "^$1|" "$WORK_DIR/echo" | cut -d '|' -f 2)
  echo_there=$(grep -v "^$1|" "$WORK_DIR/echo" | sed -n 1p | cut -d '|' -f 1)
  if [ -z "$echo_here" ] || [ -z "$echo_there" ]; then
    log probe "no two echo pods are Ready: the node was not probed"
    return 0
  fi
  case "$echo_here" in *:*) echo_here="[$echo_here]" ;; esac
  helper_run 300 probe "probe-$STAGE" "$echo_there" TARGETS "tcp://$echo_here:8080" ||
    die 60 "a pod on node $echo_there does not reach the echo pod of node $1 after the cleaning"
}

# clean_batch NODE…
clean_batch() {
  batch_at=0
  for batch_node in "$@"; do
    batch_at=$((batch_at + 1))
    start_clean "$batch_node" "$batch_at"
  done
  batch_at=0
  for batch_node in "$@"; do
    batch_at=$((batch_at + 1))
    end_clean "$batch_node" "$batch_at"
  done
  CURRENT_NODE=
}

clean_nodes() {
  batch=
  batch_count=0
  batch_size=1
  while IFS= read -r clean_node <&4; do
    clean_record=$(marker_read "$STAGE" "node.$clean_node") || die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
    [ "$clean_record" != "done" ] || continue
    batch="$batch $clean_node"
    batch_count=$((batch_count + 1))
    [ "$batch_count" -ge "$batch_size" ] || continue
    # shellcheck disable=SC2086 # names of nodes, one word each
    clean_batch $batch
    batch=
    batch_count=0
    batch_size=$BATCH
  done 4<"$WORK_DIR/nodes"
  # shellcheck disable=SC2086
  [ -z "$batch" ] || clean_batch $batch
}

main() {
  start_script CILIUM_NAMESPACE OLD_CIDRS NEW_CIDRS NODES SOURCE_DAEMONSETS BATCH SIGNALS
  lease_take
  CURRENT_STEP=1
  if already_done "done"; then
    log skip "this stage is done with this digest"
    lease_release
    exit 0
  fi
  marker_open running
  check_previous
  CURRENT_STEP=2
  wait_for 60 sources_are_gone || die 30 "the old network still runs: $SOURCE_DAEMONSETS"
  wait_for 120 no_pod_is_old || die 61 "$FOUND_COUNT pods still use the old network:$FOUND_PODS"
  linux_nodes >"$WORK_DIR/nodes" || die 10 "the nodes cannot be listed: $(api_error)"
  clean_nodes
  CURRENT_STEP=6
  check_signals after
  finish "done" "every node is clean"
}

main
`,
  "common.sh": String.raw`# shellcheck shell=sh
# What every Job script of metachron shares. It is read with ".", never run.
#
# Needs sh, kubectl and the tools that every small image has (cat, cut, date, dirname, grep, printenv, sed, sleep, sort, tail,
# tr). No jq, no bash.
# There is no "set -e": each call that may fail says what happens then. No name is ever written with a brace after the
# dollar sign, because Flux may substitute such texts.
#
# Exit codes, the same for every script:
#   10  the environment is not as expected (a tool, a variable, the API server)
#   11  another executor holds the lease metachron/roll
#   20  gate: the stage before is not done with the digest that was reviewed
#   30  preflight: the cluster is not in a state to start from; nothing was changed
#   40  pods could not be moved away; the node stays cordoned
#   50  the Cilium agent did not come back, or does not run with the values of this stage; the node stays cordoned
#   60  a connectivity gate failed; the node stays cordoned
#   61  pods with an address of the wrong network are left on a node
#   62  a signal of the user's own (Goldpinger, PromQL) says no
#   63  a connection of the probe pack was not decided as expected; nothing was changed
#   70  told to stop (TERM); the marker holds where, the next attempt goes on from there

set -u

NAMESPACE=metachron
MANAGER=metachron-roll
LEASE=roll
LEASE_SECONDS=120
# Tests point this at a clock of their own.
[ -n "$(printenv UPTIME_FILE)" ] || UPTIME_FILE=/proc/uptime
[ -n "$(printenv WORK_DIR)" ] || WORK_DIR=/tmp

# A missing one of these is told by start_script; telling needs them.
[ -n "$(printenv STAGE)" ] || STAGE=
[ -n "$(printenv ATTEMPT)" ] || ATTEMPT=0
CURRENT_NODE=
CURRENT_STEP=0
LEASE_HELD=no
LEASE_RENEWED=0
K_INPUT=/dev/null

# --- time -------------------------------------------------------------------------------------------------------------

# clock: NOW, in seconds of a clock that nobody can set back.
clock() {
  IFS=. read -r NOW _ <"$UPTIME_FILE"
}

# --- output -----------------------------------------------------------------------------------------------------------

# escape TEXT: ESCAPED, fit for a JSON string. Most texts need no change, and no process.
escape() {
  case "$1" in
    *[\"\\]* | *[[:cntrl:]]*) ESCAPED=$(printf '%s' "$1" | tr '[:cntrl:]' ' ' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g') ;;
    *) ESCAPED=$1 ;;
  esac
}

# log EVENT MESSAGE: one JSON line, so that the Job's log is a report.
log() {
  clock
  escape "$2"
  printf '{"seconds":%s,"stage":"%s","attempt":%s,"node":"%s","step":%s,"event":"%s","message":"%s"}\n' \
    "$((NOW - STARTED))" "$STAGE" "$ATTEMPT" "$CURRENT_NODE" "$CURRENT_STEP" "$1" "$ESCAPED"
}

# die CODE MESSAGE: says why, writes it into the marker, gives the lease back, ends.
die() {
  log failed "$2"
  if [ "$LEASE_HELD" = yes ]; then
    marker_write state failed message "exit $1: $2"
    lease_release
  fi
  trap - TERM INT
  exit "$1"
}

on_term() {
  log stopped "told to stop at step $CURRENT_STEP of node $CURRENT_NODE: no node is uncordoned, the next attempt goes on here"
  if [ "$LEASE_HELD" = yes ]; then
    marker_write message "exit 70: told to stop at step $CURRENT_STEP of node $CURRENT_NODE"
    lease_release
  fi
  exit 70
}

# --- the API ----------------------------------------------------------------------------------------------------------

# k ARGS…: kubectl, tried again a few times where the API server was not reached at all.
k() {
  set -- 0 "$@"
  while :; do
    k_once "$@" && return 0
    k_tries=$(($1 + 1))
    shift
    if [ "$k_tries" -ge 5 ] || ! not_reached; then return 1; fi
    sleep 2
    set -- "$k_tries" "$@"
  done
}

k_once() {
  shift
  kubectl --request-timeout=20s "$@" <"$K_INPUT" 2>"$WORK_DIR/kubectl-error"
}

# k_input ARGS…: the same for calls that read an object from the standard input. They carry --validate=false: kubectl would
# load the API's whole description first, and these objects are ours. A create that was carried out although its
# answer got lost finds its own object at the next try.
k_input() {
  cat >"$WORK_DIR/input"
  K_INPUT=$WORK_DIR/input
  k "$@"
  k_result=$?
  K_INPUT=/dev/null
  [ "$k_result" = 0 ] && return 0
  [ "$1" = create ] && [ "$k_tries" -gt 1 ] && grep -q AlreadyExists "$WORK_DIR/kubectl-error"
}

not_reached() {
  grep -q -e 'Unable to connect' -e 'connection refused' -e 'connection reset' -e 'imeout' -e 'EOF' -e 'request canceled' \
    -e 'unable to handle the request' -e 'etcdserver' -e 'ServiceUnavailable' "$WORK_DIR/kubectl-error"
}

api_error() {
  tr '\n' ' ' <"$WORK_DIR/kubectl-error"
}

# read_api ARGS…: a read that goes on trying for a minute. An object that is not there is an empty answer where
# --ignore-not-found is given.
read_api() {
  wait_for 60 k "$@"
}

# wait_for SECONDS COMMAND…: runs the command until it succeeds, at first every two seconds, later every ten; renews the
# lease meanwhile. Waits may stand inside each other.
wait_for() {
  clock
  wait_end=$((NOW + $1))
  shift
  # Kept in the function's own parameters: a wait inside the command must not change ours.
  set -- "$wait_end" 0 "$@"
  while :; do
    wait_command "$@" && return 0
    clock
    [ "$NOW" -lt "$1" ] || return 1
    if [ "$2" -lt 10 ]; then sleep 2; elif [ "$2" -lt 20 ]; then sleep 5; else sleep 10; fi
    lease_renew
    wait_end=$1
    wait_tries=$(($2 + 1))
    shift 2
    set -- "$wait_end" "$wait_tries" "$@"
  done
}

wait_command() {
  shift 2
  "$@"
}

# --- start ------------------------------------------------------------------------------------------------------------

# start_script NAME…: checks the tools and that each named variable is set.
start_script() {
  clock
  STARTED=$NOW
  for tool in cat cut date dirname grep kubectl printenv sed sleep sort tail tr; do
    command -v "$tool" >/dev/null 2>&1 || die 10 "the image has no $tool"
  done
  for name in PREVIOUS PREVIOUS_DIGEST "$@"; do
    printenv "$name" >/dev/null || die 10 "the variable $name is not set"
  done
  for name in STAGE ATTEMPT KIND DIGEST JOB_UID; do
    [ -n "$(printenv "$name")" ] || die 10 "the variable $name is empty"
  done
  trap on_term TERM INT
  read_api get --raw /version >"$WORK_DIR/version" || die 10 "the API server does not answer: $(api_error)"
  log started "API server $(sed -n 's/.*"gitVersion": *"\([^"]*\)".*/\1/p' "$WORK_DIR/version"), executor $JOB_UID"
}

# --- lease: one executor at a time ------------------------------------------------------------------------------------

# lease_look: the Lease in lease_now, its parts in lease_version and lease_holder; all empty when there is none.
lease_look() {
  lease_now=$(k get lease "$LEASE" -n "$NAMESPACE" --ignore-not-found \
    -o 'jsonpath={.metadata.resourceVersion}|{.spec.holderIdentity}|{.spec.renewTime}') || return 1
  IFS='|' read -r lease_version lease_holder _ <<LEASE
$lease_now
LEASE
}

# lease_put VERB VERSION HOLDER: writes the Lease; with a version the API server refuses if somebody was faster.
lease_put() {
  k_input "$1" -f - --validate=false --field-manager="$MANAGER" >/dev/null <<LEASE
{"apiVersion":"coordination.k8s.io/v1","kind":"Lease",
 "metadata":{"name":"$LEASE","namespace":"$NAMESPACE","resourceVersion":"$2"},
 "spec":{"holderIdentity":"$3","leaseDurationSeconds":$LEASE_SECONDS,"renewTime":"$(date -u +%Y-%m-%dT%H:%M:%S.000000Z)"}}
LEASE
}

lease_try() {
  clock
  lease_look || return 1
  if [ -z "$lease_now" ]; then
    lease_put create "" "$JOB_UID"
    return
  fi
  # A lease that nobody renewed while we watched is expired. Only our own clock counts, not the one in the lease.
  if [ -n "$lease_holder" ] && [ "$lease_holder" != "$JOB_UID" ]; then
    if [ "$lease_now" != "$LEASE_SEEN" ]; then
      LEASE_SEEN=$lease_now
      LEASE_SEEN_AT=$NOW
      return 1
    fi
    [ $((NOW - LEASE_SEEN_AT)) -gt "$LEASE_SECONDS" ] || return 1
    log lease "the lease of executor $lease_holder was not renewed for $LEASE_SECONDS s: taken over"
  fi
  lease_put replace "$lease_version" "$JOB_UID"
}

lease_take() {
  LEASE_SEEN=
  LEASE_SEEN_AT=0
  wait_for $((LEASE_SECONDS + 60)) lease_try || die 11 "another executor holds the lease metachron/roll: $lease_now"
  LEASE_HELD=yes
  clock
  LEASE_RENEWED=$NOW
  # A run that was killed may have left a helper pod, and some of them may do much on their node.
  clear_helpers
}

# Renews when a quarter of the time is gone. Losing the lease stops the script: two executors must never run.
lease_renew() {
  [ "$LEASE_HELD" = yes ] || return 0
  clock
  [ $((NOW - LEASE_RENEWED)) -ge $((LEASE_SECONDS / 4)) ] || return 0
  lease_look || return 0
  if [ "$lease_holder" != "$JOB_UID" ]; then
    LEASE_HELD=no
    die 11 "lost the lease metachron/roll to $lease_now"
  fi
  lease_put replace "$lease_version" "$JOB_UID" && LEASE_RENEWED=$NOW
}

lease_release() {
  if lease_look && [ "$lease_holder" = "$JOB_UID" ]; then
    lease_put replace "$lease_version" ""
  fi
  LEASE_HELD=no
}

# --- marker: what was done, kept in the cluster -------------------------------------------------------------------------

# marker_read STAGE KEY: the value, or nothing.
marker_read() {
  case "$2" in
    *.*) marker_key=$(printf '%s' "$2" | sed 's/\./\\./g') ;;
    *) marker_key=$2 ;;
  esac
  read_api get configmap "wave-$1" -n "$NAMESPACE" --ignore-not-found -o "jsonpath={.data.$marker_key}"
}

# marker_write KEY VALUE…: one patch for all pairs.
marker_write() {
  marker_data=
  while [ $# -gt 1 ]; do
    [ -z "$marker_data" ] || marker_data="$marker_data,"
    escape "$2"
    marker_data="$marker_data\"$1\":\"$ESCAPED\""
    shift 2
  done
  k patch configmap "wave-$STAGE" -n "$NAMESPACE" --field-manager="$MANAGER" --type merge -p "{\"data\":{$marker_data}}" >/dev/null
}

marker_must_write() {
  wait_for 60 marker_write "$@" || die 10 "the marker wave-$STAGE cannot be written: $(api_error)"
}

# Argo CD counts the failed Job of an earlier attempt for ever: untrack it. It stays, with its log.
untrack_earlier_attempts() {
  earlier=1
  while [ "$earlier" -lt "$ATTEMPT" ]; do
    k annotate job "$KIND-$STAGE-a$earlier" -n "$NAMESPACE" --overwrite --field-manager="$MANAGER" \
      argocd.argoproj.io/ignore-healthcheck=true argocd.argoproj.io/tracking-id- >/dev/null ||
      log untrack "attempt $earlier: $(api_error)"
    earlier=$((earlier + 1))
  done
}

# marker_open STATE: makes the marker if it is not there and writes who we are.
marker_open() {
  marker_seen=$(read_api get configmap "wave-$STAGE" -n "$NAMESPACE" --ignore-not-found -o 'jsonpath={.metadata.name}') ||
    die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
  if [ -z "$marker_seen" ]; then
    k_input create -f - --validate=false --field-manager="$MANAGER" >/dev/null <<MARKER || die 10 "the marker wave-$STAGE cannot be made: $(api_error)"
{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"wave-$STAGE","namespace":"$NAMESPACE",
 "labels":{"app.kubernetes.io/managed-by":"$MANAGER","metachron.dev/stage":"$STAGE"}},"data":{}}
MARKER
  fi
  # shellcheck disable=SC2153 # PREVIOUS_DIGEST comes from the Job
  marker_must_write wave "$STAGE" attempt "$ATTEMPT" digest "$DIGEST" previous "$PREVIOUS" \
    previousDigest "$PREVIOUS_DIGEST" state "$1" executor "$JOB_UID" message ""
  untrack_earlier_attempts
}

# already_done STATE: a Job that an engine made again does nothing when its work is done.
already_done() {
  done_state=$(marker_read "$STAGE" state) || die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
  done_digest=$(marker_read "$STAGE" digest) || die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
  [ "$done_state" = "$1" ] && [ "$done_digest" = "$DIGEST" ]
}

previous_is_done() {
  previous_state=$(marker_read "$PREVIOUS" state) && previous_digest=$(marker_read "$PREVIOUS" digest) &&
    [ "$previous_state" = "done" ] && [ "$previous_digest" = "$PREVIOUS_DIGEST" ]
}

# The gate that no engine can take away: the stage before is done, with the digest that the review of this one named.
check_previous() {
  CURRENT_STEP=2
  [ -n "$PREVIOUS" ] || return 0
  wait_for 300 previous_is_done ||
    die 20 "stage $PREVIOUS is '$previous_state' with digest '$previous_digest', wanted done with $PREVIOUS_DIGEST"
  log gate "stage $PREVIOUS is done with the digest that was reviewed"
}

# finish STATE MESSAGE: the marker's last word, nothing of ours left running, the lease given back.
finish() {
  clear_helpers
  marker_must_write state "$1" finished "$(date -u +%Y-%m-%dT%H:%M:%SZ)" message "$2"
  log finished "$2"
  lease_release
  trap - TERM INT
  exit 0
}
`,
  "gate.sh": String.raw`#!/bin/sh
# Waits until a stage without nodes of its own is really there, and writes its marker. Runs in a stage's gate Job.
#
# CHECKS holds words, looked at in their order:
#   agents     every Cilium agent is Ready, every Linux node has one, and a CiliumNode with a prefix of the new pool
#   dormant    the old network is Ready everywhere, and no pod has an address of the new pool yet, but for Cilium's own
#   echo       the echo pod of every node that is up is Ready
#   bridge     the bridge is Ready on every node that is up: its rules are in place and in order
#   goldpinger a pod of Goldpinger is Ready on every node that is up
#   images     Cilium's image is on every node that is up
#   operator   Cilium's operator is Ready and its policies' kinds are served
#   unbridged  no bridge pod is left, and the removal is Ready everywhere: no rule is left
#   policies   at least $POLICIES Cilium policies are there, and every one in the cluster is Valid
#   jobs       each of $JOBS (in our namespace) is complete
#   signals    the user's own signals say yes
#   probes     the probe pack: each connection between its pods is decided as expected

# shellcheck disable=SC2153,SC2317,SC2329 # variables come from the Job; functions are handed to wait_for by name

SCRIPTS=$(dirname "$0")
# shellcheck source=common.sh
. "$SCRIPTS/common.sh"
# shellcheck source=nodes.sh
. "$SCRIPTS/nodes.sh"
# shellcheck source=signals.sh
. "$SCRIPTS/signals.sh"
# shellcheck source=probes.sh
. "$SCRIPTS/probes.sh"

# MISSING: Linux nodes without an agent pod or without a prefix of the new pool.
agents_everywhere() {
  linux_nodes >"$WORK_DIR/nodes" || return 1
  k get pods -n "$CILIUM_NAMESPACE" -l k8s-app=cilium -o 'jsonpath={range .items[*]}{.spec.nodeName}{"\n"}{end}' >"$WORK_DIR/agents" || return 1
  k get ciliumnodes -o 'jsonpath={range .items[*]}{.metadata.name}|{.spec.ipam.podCIDRs[*]}{"\n"}{end}' >"$WORK_DIR/ciliumnodes" || return 1
  MISSING=
  while IFS= read -r linux_node; do
    if ! grep -qx "$linux_node" "$WORK_DIR/agents"; then
      MISSING="$MISSING $linux_node(no-agent)"
    elif ! grep -q "^$linux_node|." "$WORK_DIR/ciliumnodes"; then
      MISSING="$MISSING $linux_node(no-prefix)"
    fi
  done <"$WORK_DIR/nodes"
  [ -z "$MISSING" ]
}

# A pod on the new network before the first wave means that a CiliumNodeConfig or a CNI file is there that should not be.
no_pod_has_moved() {
  find_pods is_new_address && [ "$FOUND_COUNT" -eq 0 ]
}

operator_is_ready() {
  operator_now=$(k get pods -n "$CILIUM_NAMESPACE" -l name=cilium-operator \
    -o 'jsonpath={range .items[*]}{.metadata.name}|{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}') || return 1
  [ -n "$operator_now" ] || return 1
  ! printf '%s\n' "$operator_now" | grep -qv '|True$' || return 1
  k get ciliumclusterwidenetworkpolicies,ciliumnetworkpolicies --all-namespaces -o name >"$WORK_DIR/kinds"
}

jobs_are_complete() {
  PENDING=
  for wanted_job in $JOBS; do
    job_state=$(k get job "$wanted_job" -n "$NAMESPACE" --ignore-not-found \
      -o 'jsonpath={.status.conditions[?(@.status=="True")].type}') || return 1
    case " $job_state " in
      *" Failed "*) die 60 "job $wanted_job failed; its log says what" ;;
      *" Complete "*) ;;
      *) PENDING="$PENDING $wanted_job" ;;
    esac
  done
  [ -z "$PENDING" ]
}

# The bridge must not put its rules back while the removal takes them away.
delete_bridge() {
  k delete daemonset metachron-bridge -n "$NAMESPACE" --ignore-not-found --wait=false >/dev/null ||
    die 10 "the DaemonSet metachron-bridge cannot be deleted: $(api_error)"
  wait_for 300 bridge_pods_are_gone || die 50 "pods of the bridge are still there"
  wait_for 900 daemonset_is_ready "$NAMESPACE/metachron-bridge-removal" ||
    die 50 "the bridge's rules are not gone on: $ds_unready"
}

bridge_pods_are_gone() {
  bridge_pods=$(k get pods -n "$NAMESPACE" -l app.kubernetes.io/name=metachron-bridge -o 'jsonpath={.items[*].metadata.name}') &&
    [ -z "$bridge_pods" ]
}

look() {
  case "$1" in
    agents)
      wait_for "$PATIENCE" agents_everywhere || die 50 "Cilium is not on every node:$MISSING $(api_error)"
      wait_for "$PATIENCE" agents_are_ready || die 50 "Cilium agents are not Ready on: $agents_unready"
      ;;
    dormant)
      wait_for "$PATIENCE" sources_are_ready || die 50 "the old network is not Ready everywhere: $SOURCE_DAEMONSETS"
      wait_for 60 no_pod_has_moved || die 61 "$FOUND_COUNT pods are on the new network before any wave:$FOUND_PODS"
      ;;
    echo) wait_for "$PATIENCE" daemonset_is_ready "$NAMESPACE/metachron-echo" || die 50 "echo pods are not Ready on: $ds_unready" ;;
    bridge) wait_for "$PATIENCE" daemonset_is_ready "$NAMESPACE/metachron-bridge" || die 50 "the bridge is not Ready on: $ds_unready" ;;
    goldpinger) wait_for "$PATIENCE" daemonset_is_ready "$NAMESPACE/goldpinger" || die 50 "Goldpinger is not Ready on: $ds_unready" ;;
    images) wait_for "$PATIENCE" daemonset_is_ready "$NAMESPACE/metachron-images" || die 50 "Cilium's image is not on: $ds_unready" ;;
    operator) wait_for "$PATIENCE" operator_is_ready || die 50 "Cilium's operator is not Ready: $operator_now $(api_error)" ;;
    unbridged) delete_bridge ;;
    policies)
      wait_for "$PATIENCE" policies_are_valid ||
        die 60 "$POLICY_TROUBLE"
      ;;
    jobs) wait_for "$PATIENCE" jobs_are_complete || die 60 "jobs are not complete:$PENDING" ;;
    signals) check_signals "at the gate" ;;
    probes) run_probes ;;
    *) die 10 "no check is called $1" ;;
  esac
  log "$1" "holds"
}

main() {
  start_script CHECKS PATIENCE END_STATE NODES CILIUM_NAMESPACE OLD_CIDRS NEW_CIDRS SOURCE_DAEMONSETS POLICIES JOBS SIGNALS
  lease_take
  if already_done "$END_STATE"; then
    log skip "this stage is $END_STATE with this digest"
    lease_release
    exit 0
  fi
  marker_open running
  check_previous
  CURRENT_STEP=3
  ds_unready=
  for check in $CHECKS; do
    look "$check"
  done
  finish "$END_STATE" "all checks hold: $CHECKS"
}

main
`,
  "node-check.sh": String.raw`#!/bin/sh
# Runs in a short-lived pod on one node: the Cilium image that is there already, no capability, nothing writable. It sees
# two folders of the host, both read-only: the CNI configuration, and the folder with the agent's own socket.
#
#   node-check.sh cilium     the node is on Cilium: the agent says so, the file is on disk, every endpoint is in force
#   node-check.sh endpoints  only the endpoints
#   node-check.sh source     the node is on the old network: the agent leaves CNI files alone, there is none of Cilium's
#   node-check.sh drift      the agent runs with the configuration that the API server has now
#
# Why the agent is asked and not the API server: a CiliumEndpoint says "ready" up to 16 s before the new programs are in
# force (measured); the agent's own list does not. Why twice: a regeneration may start between two looks.

set -u
MODE=$1
[ -n "$(printenv CONF_DIR)" ] || CONF_DIR=/host/cni
CONF_FILE=05-cilium.conflist

say() {
  printf '%s\n' "$1"
}

# The agent writes the file only if the node's CiliumNodeConfig was read at its start: with the chart's customConf no other
# source sets write-cni-conf-when-ready. "Disabled" means: this agent did not see the CiliumNodeConfig.
agent_wrote_file() {
  file_state=$(cilium-dbg status -o 'jsonpath={.cni-file.state}' 2>/dev/null)
  [ "$file_state" = Ok ] || {
    say "agent: CNI file state is '$file_state', wanted Ok"
    return 1
  }
}

# The file is there and sorts before every other one that the runtime would take (Multus in front is meant to be first).
file_is_first() {
  [ -f "$CONF_DIR/$CONF_FILE" ] || {
    say "file: $CONF_FILE is not there"
    return 1
  }
  for conf in "$CONF_DIR"/*.conf "$CONF_DIR"/*.conflist "$CONF_DIR"/*.json; do
    [ -e "$conf" ] || continue
    conf_name=$(basename "$conf")
    case "$conf_name" in
      "$CONF_FILE" | 00-multus.*) continue ;;
    esac
    if [ "$(printf '%s\n%s\n' "$conf_name" "$CONF_FILE" | LC_ALL=C sort | head -n 1)" = "$conf_name" ]; then
      say "file: $conf_name sorts before $CONF_FILE"
      return 1
    fi
  done
}

agent_is_dormant() {
  file_state=$(cilium-dbg status -o 'jsonpath={.cni-file.state}' 2>/dev/null)
  if [ "$file_state" != Disabled ] || [ -e "$CONF_DIR/$CONF_FILE" ]; then
    say "agent: CNI file state is '$file_state'; $CONF_FILE: $(ls "$CONF_DIR/$CONF_FILE" 2>&1)"
    return 1
  fi
}

# Every endpoint is ready, and what is in the datapath is what should apply: same enforcement, same policy revision.
endpoints_in_force() {
  lines=$(cilium-dbg endpoint list -o 'jsonpath={range [*]}{.id}|{.status.state}|{.status.policy.realized.policy-enabled}|{.status.policy.spec.policy-enabled}|{.status.policy.realized.policy-revision}|{.status.policy.spec.policy-revision}|{.status.external-identifiers.k8s-namespace}/{.status.external-identifiers.k8s-pod-name}{"\n"}{end}' 2>/dev/null) || {
    say "agent: the endpoint list cannot be read"
    return 1
  }
  count=0
  bad=
  while IFS='|' read -r id state has wants has_revision wants_revision pod; do
    [ -n "$id" ] || continue
    count=$((count + 1))
    if [ "$state" != ready ] || [ "$has" != "$wants" ] || [ "$has_revision" != "$wants_revision" ]; then
      bad="$bad $id($pod: $state, policy $has of $wants, revision $has_revision of $wants_revision)"
    fi
  done <<LINES
$lines
LINES
  [ -z "$bad" ] || {
    say "endpoints: not in force yet:$bad"
    return 1
  }
  say "endpoints: $count ready, enforcement as it should be"
}

# 0 keys differ between what the agent runs with and the ConfigMap and CiliumNodeConfigs of now.
no_drift() {
  drift=$(cilium-dbg metrics list -p cilium_drift_checker_config_delta 2>/dev/null | grep drift_checker | sed 's/.* //')
  case "$drift" in
    0 | 0.0* | "") [ -n "$drift" ] || say "drift: the agent does not publish the metric" ;;
    *)
      say "drift: $drift keys differ from the ConfigMap"
      return 1
      ;;
  esac
}

look() {
  case "$MODE" in
    cilium) agent_wrote_file && file_is_first && endpoints_in_force ;;
    endpoints) endpoints_in_force ;;
    source) agent_is_dormant ;;
    drift) no_drift && endpoints_in_force ;;
    *) return 1 ;;
  esac
}

[ -n "$(printenv MOST_LOOKS)" ] || MOST_LOOKS=100
# What cannot come true by waiting is not waited for.
[ "$MODE" != source ] || MOST_LOOKS=3
tries=0
good=0
while [ "$tries" -lt "$MOST_LOOKS" ]; do
  tries=$((tries + 1))
  if look; then
    good=$((good + 1))
    [ "$good" -lt 2 ] || exit 0
  else
    good=0
  fi
  sleep 3
done
say "gave up after $tries looks"
exit 1
`,
  "node-clean.sh": String.raw`#!/bin/sh
# Takes away what the old network left on this node, and nothing else. Runs in a privileged pod on the host network with
# the host's root at /host, in the last stage of the migration.
#
#   node-clean.sh DIRECTORY     with the lists of what belongs to the old network, one entry a line:
#     chain-prefixes     iptables chains that begin so, and every rule that jumps to one
#     rule-tags          rules whose comment begins so, wherever they stand
#     portmap-networks   hostPort and masquerade chains of these CNI networks, known by the comment of their rules
#     nft-tables         whole nft tables of these names
#     ipset-prefixes     sets that begin so
#     devices            devices of these names; a trailing + stands for anything
#     files              files and folders of the host
#
# Each iptables table changes in one transaction, on both backends and for both families: either all of it or nothing.
# Order: rules and chains, then sets (rules hold them), nft tables, devices, files. What other programs own is not flushed.

set -u
LISTS=$1
TAG=metachron-bridge
[ -n "$(printenv HOST_ROOT)" ] || HOST_ROOT=/host
[ -n "$(printenv TMP_DIR)" ] || TMP_DIR=/tmp
RESULT=0

say() {
  printf '%s\n' "$1"
}

fail() {
  say "FAILED: $1"
  RESULT=1
}

# entries LIST: its lines without empty ones.
entries() {
  [ ! -e "$LISTS/$1" ] || grep . "$LISTS/$1"
}

# literal TEXT: the text as a basic regular expression that matches it to the letter.
literal() {
  printf '%s' "$1" | sed 's/[][\.*^$/]/\\&/g'
}

# --- iptables -----------------------------------------------------------------------------------------------------------

# chain_pattern: a regular expression for the names of chains that belong to the old network; empty when there are none.
chain_pattern() {
  entries chain-prefixes | while IFS= read -r chain_prefix; do
    printf '%s[^ ]*\\|' "$(literal "$chain_prefix")"
  done | sed 's/\\|$//'
}

# rule_pattern: for rules outside those chains, by the comment that iptables-save prints.
rule_pattern() {
  {
    printf '%s\n' "--comment \"*$TAG"
    entries rule-tags | while IFS= read -r rule_tag; do
      printf '%s\n' "--comment \"*$(literal "$rule_tag")"
    done
  } | sed ':a;N;$!ba;s/\n/\\|/g'
}

# network_chains TABLE-TEXT: chains of the portmap and bridge plugins for the old network's pods.
network_chains() {
  entries portmap-networks | while IFS= read -r network; do
    printf '%s\n' "$1" | grep -e "name: ..*$(literal "$network")..* id: " | sed -n 's/.* -j \(CNI-[^ ]*\)$/\1/p'
  done | grep -vx -e 'CNI-HOSTPORT-.*' | sort -u
}

# transaction TABLE-TEXT: what iptables-restore is to do; empty when there is nothing. Whole files go through grep: a node
# may have tens of thousands of rules of others.
transaction() {
  own=$TMP_DIR/own-chains
  {
    [ -z "$CHAINS" ] || printf '%s\n' "$1" | sed -n 's/^:\([^ ]*\) .*/\1/p' | grep -x -e "$CHAINS"
    network_chains "$1"
  } | sort -u >"$own"
  sed -e 's/[][\.*^$]/\\&/g' -e 's/.*/^-A & /' "$own" >"$own.inside"
  sed -e 's/[][\.*^$]/\\&/g' -e 's/.*/ -[jg] &\\( \\|$\\)/' "$own" >"$own.jumps"
  # Rules in chains of others: jumps to an own chain, or tagged as the old network's.
  printf '%s\n' "$1" | grep '^-A' | grep -v -f "$own.inside" | grep -e "$RULES" -f "$own.jumps" | sed 's/^-A/-D/'
  sed 's/^/-F /' "$own"
  sed 's/^/-X /' "$own"
}

# clean_program PROGRAM: every table of one backend and family.
clean_program() {
  command -v "$1-save" >/dev/null 2>&1 || return 0
  "$1-save" >"$TMP_DIR/saved" 2>/dev/null || return 0
  # shellcheck disable=SC2013 # names of tables, one word each
  for table in $(sed -n 's/^\*//p' "$TMP_DIR/saved"); do
    table_text=$(sed -n "/^\*$table\$/,/^COMMIT/p" "$TMP_DIR/saved")
    transaction "$table_text" >"$TMP_DIR/transaction"
    [ -s "$TMP_DIR/transaction" ] || continue
    if {
      printf '*%s\n' "$table"
      cat "$TMP_DIR/transaction"
      printf 'COMMIT\n'
    } | "$1-restore" -w 5 --noflush 2>"$TMP_DIR/error"; then
      say "$1 $table: $(grep -c '^-D' "$TMP_DIR/transaction") rules and $(grep -c '^-X' "$TMP_DIR/transaction") chains are gone"
    else
      fail "$1 $table: $(tr '\n' ' ' <"$TMP_DIR/error")"
    fi
  done
}

clean_iptables() {
  CHAINS=$(chain_pattern)
  RULES=$(rule_pattern)
  for program in iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy; do
    clean_program "$program"
  done
}

# --- sets and nft tables ------------------------------------------------------------------------------------------------

clean_sets() {
  command -v ipset >/dev/null 2>&1 || return 0
  ipset list -n >"$TMP_DIR/sets" 2>/dev/null || return 0
  entries ipset-prefixes | while IFS= read -r set_prefix; do
    grep -e "^$(literal "$set_prefix")" "$TMP_DIR/sets"
  done >"$TMP_DIR/own-sets"
  # Twice: a set of sets holds others.
  for round in 1 2; do
    while IFS= read -r set_name; do
      ipset list -n "$set_name" >/dev/null 2>&1 || continue
      ipset destroy "$set_name" 2>"$TMP_DIR/error" && say "ipset $set_name is gone" && continue
      [ "$round" = 1 ] || fail "ipset $set_name: $(tr '\n' ' ' <"$TMP_DIR/error")"
    done <"$TMP_DIR/own-sets"
  done
}

# The image may have no nft; the host's is taken then.
run_nft() {
  if command -v nft >/dev/null 2>&1; then
    nft "$@"
  else
    chroot "$HOST_ROOT" nft "$@"
  fi
}

clean_nft() {
  [ -n "$(entries nft-tables)" ] || return 0
  if ! run_nft list tables >"$TMP_DIR/nft" 2>"$TMP_DIR/error"; then
    fail "nft tables cannot be listed: $(tr '\n' ' ' <"$TMP_DIR/error")"
    return
  fi
  entries nft-tables | while IFS= read -r nft_table; do
    sed -n "s/^table \([a-z0-9]* $(literal "$nft_table")\)\$/\1/p" "$TMP_DIR/nft"
  done >"$TMP_DIR/own-nft"
  while IFS= read -r nft_name; do
    # shellcheck disable=SC2086 # family and name
    if run_nft delete table $nft_name; then say "nft table $nft_name is gone"; else fail "nft table $nft_name"; fi
  done <"$TMP_DIR/own-nft"
}

# --- devices ------------------------------------------------------------------------------------------------------------

# Whether a default route of either family leaves by the device: then it is no leftover, whatever its name.
carries_default() {
  { ip route show default && ip -6 route show default; } 2>/dev/null | grep -q " dev $(literal "$1")\\( \\|\$\\)"
}

clean_device() {
  # The other end of a pair goes with it.
  ip link show dev "$1" >/dev/null 2>&1 || return 0
  if carries_default "$1"; then
    fail "device $1 carries the default route: it is left alone"
  elif ip link delete "$1" 2>"$TMP_DIR/error"; then
    say "device $1 is gone"
  elif ip address flush dev "$1" && ip link set "$1" down; then
    # tunl0 belongs to its kernel module and stays as long as that is loaded.
    say "device $1 cannot be deleted ($(tr '\n' ' ' <"$TMP_DIR/error")): it is down and has no address"
  else
    fail "device $1: $(tr '\n' ' ' <"$TMP_DIR/error")"
  fi
}

clean_devices() {
  ip -o link show | sed -n 's/^[0-9]*: \([^:@]*\)[:@].*/\1/p' >"$TMP_DIR/devices"
  entries devices | while IFS= read -r device_pattern; do
    case "$device_pattern" in
      *+) grep -e "^$(literal "$(printf '%s' "$device_pattern" | sed 's/+$//')")" "$TMP_DIR/devices" ;;
      *) grep -xF -e "$device_pattern" "$TMP_DIR/devices" ;;
    esac
  done | sort -u >"$TMP_DIR/own-devices"
  while IFS= read -r device; do
    clean_device "$device"
  done <"$TMP_DIR/own-devices"
}

# rp_filter that the bridge loosened, on devices that are still there.
clean_rp_filter() {
  for loosened in "$HOST_ROOT"/run/metachron/loosened.*; do
    [ -e "$loosened" ] || continue
    device=$(printf '%s' "$loosened" | sed 's|.*/loosened\.||')
    [ ! -e "/proc/sys/net/ipv4/conf/$device/rp_filter" ] || echo 1 >"/proc/sys/net/ipv4/conf/$device/rp_filter"
    say "rp_filter of $device is 1 again"
  done
  rm -rf "$HOST_ROOT/run/metachron"
}

# --- files --------------------------------------------------------------------------------------------------------------

# Folders that others use, however they came into the list; and what is not a plain absolute path.
is_safe_path() {
  case "$1" in
    *..* | *"*"* | *"?"* | *" "* | *//* | */) return 1 ;;
    /etc/cni/net.d/05-cilium* | /etc/cni/net.d | /etc/cni | /opt/cni/bin | /opt/cni | /var/lib/cni | /var/lib/cni/networks) return 1 ;;
    /var/lib/kubelet* | /etc/kubernetes* | /var/lib/cilium* | /run/cilium* | /var/run/cilium* | /var/lib/etcd*) return 1 ;;
    /etc/?* | /opt/?*/?*/?* | /run/?* | /var/run/?* | /var/lib/?* | /var/log/?* | /var/snap/?*/?*) return 0 ;;
  esac
  return 1
}

clean_files() {
  entries files >"$TMP_DIR/files"
  while IFS= read -r path; do
    if ! is_safe_path "$path"; then
      fail "$path: not deleted, others may use it"
    elif chroot "$HOST_ROOT" test -e "$path"; then
      if chroot "$HOST_ROOT" rm -rf "$path"; then say "$path is gone"; else fail "$path"; fi
    fi
  done <"$TMP_DIR/files"
}

clean_iptables
clean_sets
clean_nft
clean_devices
clean_rp_filter
clean_files
[ "$RESULT" = 0 ] || say "the node is not clean"
exit "$RESULT"
`,
  "node-hostports.sh": String.raw`#!/bin/sh
# Deletes hostPort rules that lead to a pod that is no longer on this node. Runs in a pod on the host network with
# NET_ADMIN only.
#
#   node-hostports.sh LIVE      LIVE: addresses of the node's living pods, each with a comma behind it
#
# The portmap plugin keeps one chain CNI-DN-… per pod, jumped to from CNI-HOSTPORT-DNAT. After a switch the runtime takes
# the old sandbox down with the new configuration, so the old pod's entry stays, in front of the new one (measured): the
# port is dead until the stale entry is gone. Deleted in one transaction per backend; living entries are not touched.

set -u
LIVE=$1

say() {
  printf '%s\n' "$1"
}

# stale_chains SAVED: names of CNI-DN chains whose every DNAT target is not a living pod of this node.
stale_chains() {
  for dn_chain in $(printf '%s\n' "$1" | sed -n 's/^:\(CNI-DN-[^ ]*\) .*/\1/p'); do
    targets=$(printf '%s\n' "$1" | grep -e "^-A $dn_chain .*--to-destination" |
      sed -e 's/.*--to-destination \([^ ]*\).*/\1/' -e 's/^\[\(.*\)\]:[0-9]*$/\1/' -e 's/^\([0-9.]*\):[0-9]*$/\1/')
    dn_lives=no
    for address in $targets; do
      case ",$LIVE" in
        *",$address,"*) dn_lives=yes ;;
      esac
    done
    [ "$dn_lives" = yes ] || printf '%s\n' "$dn_chain"
  done
}

# sweep PROGRAM
sweep() {
  command -v "$1-save" >/dev/null 2>&1 || return 0
  saved=$("$1-save" 2>/dev/null | sed -n '/^\*nat/,/^COMMIT/p')
  stale=$(stale_chains "$saved")
  [ -n "$stale" ] || return 0
  {
    printf '*nat\n'
    for stale_chain in $stale; do
      printf '%s\n' "$saved" | grep -e "^-A .* -j $stale_chain\$" | sed 's/^-A/-D/'
    done
    for stale_chain in $stale; do
      printf -- '-F %s\n-X %s\n' "$stale_chain" "$stale_chain"
    done
    printf 'COMMIT\n'
  } | "$1-restore" -w 5 --noflush || {
    say "$1: the stale entries cannot be deleted"
    return 1
  }
  say "$1: deleted $(printf '%s' "$stale" | tr '\n' ' ')"
}

result=0
for program in iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy; do
  sweep "$program" || result=1
done
exit "$result"
`,
  "node-recycle.sh": String.raw`#!/bin/sh
# Gives one pod of this node a new sandbox: the kubelet sees that the old one is gone, and starts the same pod again, on
# the network of now. Runs in a privileged pod with the host's root at /host, for the seconds that this takes.
#
#   node-recycle.sh NAMESPACE NAME
#
# Uses the host's own crictl: it fits the runtime, and no image has to bring one.

set -u
NAMESPACE=$1
NAME=$2

say() {
  printf '%s\n' "$1"
}

find_crictl() {
  for candidate in /usr/local/bin/crictl /usr/bin/crictl /opt/bin/crictl /var/lib/rancher/rke2/bin/crictl \
    /var/lib/rancher/k3s/data/current/bin/crictl /snap/microk8s/current/bin/crictl; do
    [ -x "/host$candidate" ] || continue
    printf '%s' "$candidate"
    return 0
  done
  return 1
}

find_socket() {
  for candidate in /run/containerd/containerd.sock /run/k3s/containerd/containerd.sock /run/crio/crio.sock \
    /run/cri-dockerd.sock /var/snap/microk8s/common/run/containerd.sock /run/k0s/containerd.sock; do
    [ -S "/host$candidate" ] || continue
    printf '%s' "$candidate"
    return 0
  done
  return 1
}

crictl=$(find_crictl) || {
  say "the node has no crictl"
  exit 1
}
socket=$(find_socket) || {
  say "the node has no known runtime socket"
  exit 1
}

host_crictl() {
  chroot /host "$crictl" --runtime-endpoint "unix://$socket" --timeout 60s "$@"
}

# crictl takes names as patterns: both ends are fixed, dots are meant as dots.
pattern="^$(printf '%s' "$NAME" | sed 's/\./\\./g')\$"
sandboxes=$(host_crictl pods --namespace "$NAMESPACE" --name "$pattern" --state ready --quiet) || {
  say "crictl cannot list the sandboxes"
  exit 1
}
[ -n "$sandboxes" ] || {
  say "no sandbox of $NAMESPACE/$NAME is running: nothing to do"
  exit 0
}
for sandbox in $sandboxes; do
  host_crictl stopp "$sandbox" || exit 1
  say "stopped sandbox $sandbox of $NAMESPACE/$NAME"
done
`,
  "node-restart.sh": String.raw`#!/bin/sh
# Gives many pods of this node a new sandbox, one after the other; node-recycle.sh says how. Runs in a privileged pod with the
# host's root at /host.
#
#   node-restart.sh NAMESPACE/NAME…
#
# A pod that cannot be stopped does not stop the others: every one of them is without a network now.

set -u
SCRIPTS=$(dirname "$0")
RESULT=0
for pod in "$@"; do
  /bin/sh "$SCRIPTS/node-recycle.sh" "$(printf '%s' "$pod" | cut -d / -f 1)" "$(printf '%s' "$pod" | cut -d / -f 2)" || {
    printf 'FAILED: %s\n' "$pod"
    RESULT=1
  }
done
exit "$RESULT"
`,
  "node-restore.sh": String.raw`#!/bin/sh
# Puts the old network's CNI file back in its place and takes Cilium's away. Runs in a short-lived pod on one node: no
# capability, root, may write in the CNI directory only.
#
# Refuses while the agent still cares for CNI files: it would rename the old file again at once. There is no moment
# without a file: the old one is back before Cilium's goes.

set -u
[ -n "$(printenv CONF_DIR)" ] || CONF_DIR=/host/cni
CONF_FILE=05-cilium.conflist

say() {
  printf '%s\n' "$1"
}

agent_leaves_files_alone() {
  file_state=$(cilium-dbg status -o 'jsonpath={.cni-file.state}' 2>/dev/null)
  [ "$file_state" = Disabled ]
}

# At a restart of the old network's own pod the renamed file is empty for a moment: an empty one is never put back.
put_back() {
  for backup in "$CONF_DIR"/*.cilium_bak; do
    [ -s "$backup" ] || continue
    original=$(printf '%s' "$backup" | sed 's/\.cilium_bak$//')
    case "$original" in
      */05-cilium.*) continue ;;
    esac
    [ ! -s "$original" ] || continue
    mv "$backup" "$original" || return 1
    say "$(basename "$original") is back"
  done
  return 0
}

# A configuration of another plugin, not empty, that the runtime will take.
other_file() {
  for conf in "$CONF_DIR"/*.conf "$CONF_DIR"/*.conflist; do
    [ -s "$conf" ] || continue
    case "$conf" in
      */05-cilium.*) continue ;;
    esac
    printf '%s' "$conf"
    return 0
  done
  return 1
}

tries=0
until agent_leaves_files_alone; do
  tries=$((tries + 1))
  if [ "$tries" -ge 40 ]; then
    say "the agent still cares for CNI files (state '$file_state'): it did not take the CiliumNodeConfig of the way back"
    exit 1
  fi
  sleep 3
done
tries=0
until put_back && other=$(other_file); do
  tries=$((tries + 1))
  if [ "$tries" -ge 40 ]; then
    say "no file of the old network is there to put back: restart its pod on this node, so that it writes one, and try again"
    exit 1
  fi
  sleep 3
done
rm -f "$CONF_DIR/$CONF_FILE" || exit 1
say "$(basename "$other") is in force, $CONF_FILE is gone"
`,
  "nodes.sh": String.raw`# shellcheck shell=sh
# What the Job scripts know of nodes, agents and pods. It is read with "." after common.sh.

# Where the stage's pod templates are mounted; tests have a folder of their own.
[ -n "$(printenv STAGE_DIR)" ] || STAGE_DIR=/stage

# --- addresses --------------------------------------------------------------------------------------------------------
# Plain arithmetic, and no process for it: a cluster has tens of thousands of pods.

# split SEPARATOR TEXT: the parts of the text as words in PARTS; an empty part becomes "-".
split() {
  split_ifs=$IFS
  IFS=$1
  # shellcheck disable=SC2086 # splitting is the point
  set -- $2
  IFS=$split_ifs
  PARTS=
  for part in "$@"; do
    [ -n "$part" ] || part=-
    PARTS="$PARTS $part"
  done
}

# number4 ADDRESS: NUMBER, from 0 to 2^32 - 1.
number4() {
  split . "$1"
  NUMBER=0
  for part in $PARTS; do NUMBER=$(((NUMBER << 8) + part)); done
}

# words6 ADDRESS: the eight words of an IPv6 address in WORDS, with "::" filled up.
words6() {
  split : "$1"
  words_given=0
  for part in $PARTS; do [ "$part" = - ] || words_given=$((words_given + 1)); done
  WORDS=
  words_filled=no
  for part in $PARTS; do
    if [ "$part" != - ]; then
      WORDS="$WORDS $part"
    elif [ "$words_filled" = no ]; then
      words_filled=yes
      while [ "$words_given" -lt 8 ]; do
        WORDS="$WORDS 0"
        words_given=$((words_given + 1))
      done
    fi
  done
}

# prefix CIDR: base address and length in PREFIX_BASE and PREFIX_BITS.
prefix() {
  split / "$1"
  # shellcheck disable=SC2086
  set -- $PARTS
  PREFIX_BASE=$1
  PREFIX_BITS=$2
}

in_cidr4() {
  prefix "$2"
  number4 "$PREFIX_BASE"
  cidr_base=$NUMBER
  number4 "$1"
  [ $((NUMBER >> (32 - PREFIX_BITS))) -eq $((cidr_base >> (32 - PREFIX_BITS))) ]
}

in_cidr6() {
  prefix "$2"
  words6 "$PREFIX_BASE"
  cidr_words=$WORDS
  words6 "$1"
  # shellcheck disable=SC2086
  set -- $cidr_words
  for word in $WORDS; do
    [ "$PREFIX_BITS" -gt 0 ] || return 0
    cidr_shift=0
    [ "$PREFIX_BITS" -ge 16 ] || cidr_shift=$((16 - PREFIX_BITS))
    [ $((0x$word >> cidr_shift)) -eq $((0x$1 >> cidr_shift)) ] || return 1
    PREFIX_BITS=$((PREFIX_BITS - 16))
    shift
  done
  return 0
}

# in_cidrs ADDRESS PREFIX…: whether one of the prefixes holds the address.
in_cidrs() {
  cidrs_address=$1
  shift
  for cidr in "$@"; do
    case "$cidrs_address/$cidr" in
      /*) ;;
      *:*/*:*) ! in_cidr6 "$cidrs_address" "$cidr" || return 0 ;;
      *:*) ;;
      *) ! in_cidr4 "$cidrs_address" "$cidr" || return 0 ;;
    esac
  done
  return 1
}

# The lists of prefixes are words in one variable each.
is_new_address() {
  # shellcheck disable=SC2086
  in_cidrs "$1" $NEW_CIDRS
}

is_old_address() {
  # shellcheck disable=SC2086
  in_cidrs "$1" $OLD_CIDRS
}

# --- nodes ------------------------------------------------------------------------------------------------------------

# node_field NODE JSONPATH
node_field() {
  k get node "$1" -o "jsonpath=$2"
}

node_is_ready() {
  [ "$(node_field "$1" '{.status.conditions[?(@.type=="Ready")].status}')" = True ]
}

node_is_cordoned() {
  [ "$(node_field "$1" '{.spec.unschedulable}')" = true ]
}

# Names of the Linux nodes, one a line; nodes without a network of their own (virtual kubelets, Fargate) are none.
LINUX_NODES='kubernetes.io/os=linux,type!=virtual-kubelet,eks.amazonaws.com/compute-type!=fargate'
linux_nodes() {
  read_api get nodes -l "$LINUX_NODES" -o 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}'
}

# node_has_room NODE: whether the kubelet takes three pods more. Helper pods ask for no other resource.
node_has_room() {
  room_limit=$(node_field "$1" '{.status.allocatable.pods}') || return 1
  room_pods=$(k get pods --all-namespaces --field-selector "spec.nodeName=$1,status.phase!=Succeeded,status.phase!=Failed" \
    -o 'jsonpath={.items[*].metadata.name}') || return 1
  room_used=0
  for room_pod in $room_pods; do
    [ -z "$room_pod" ] || room_used=$((room_used + 1))
  done
  [ "$((room_used + 3))" -le "$room_limit" ]
}

# set_unschedulable NODE true|null
set_unschedulable() {
  k patch node "$1" --field-manager="$MANAGER" --type merge -p "{\"spec\":{\"unschedulable\":$2}}" >/dev/null
}

# --- agents -----------------------------------------------------------------------------------------------------------

# find_agent NODE: the agent's pod that is not being deleted, in AGENT_POD, AGENT_UID, AGENT_READY and AGENT_IMAGE; all are
# empty when there is none. Fails when the API server does not answer.
find_agent() {
  agent_lines=$(k get pods -n "$CILIUM_NAMESPACE" -l k8s-app=cilium --field-selector "spec.nodeName=$1" \
    -o 'jsonpath={range .items[*]}{.metadata.deletionTimestamp}|{.metadata.name}|{.metadata.uid}|{.status.conditions[?(@.type=="Ready")].status}|{.spec.containers[?(@.name=="cilium-agent")].image}{"\n"}{end}') || return 1
  AGENT_POD=
  AGENT_UID=
  AGENT_READY=
  AGENT_IMAGE=
  while IFS='|' read -r agent_deleted agent_pod agent_uid agent_ready agent_image; do
    if [ -n "$agent_deleted" ] || [ -z "$agent_pod" ]; then continue; fi
    AGENT_POD=$agent_pod
    AGENT_UID=$agent_uid
    AGENT_READY=$agent_ready
    AGENT_IMAGE=$agent_image
    break
  done <<LINES
$agent_lines
LINES
  return 0
}

# agent_is_back NODE UID: an agent that is Ready and is not the one with the given uid; its facts are those of find_agent.
agent_is_back() {
  find_agent "$1" && [ -n "$AGENT_POD" ] && [ "$AGENT_UID" != "$2" ] && [ "$AGENT_READY" = True ]
}

# Names of nodes that are not Ready, one a line.
nodes_not_ready() {
  k get nodes -o 'jsonpath={range .items[*]}{.metadata.name}|{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' |
    grep -v '|True$' | cut -d '|' -f 1
}

# Every agent Ready, except on nodes that are down themselves: those are named in the log and not waited for.
agents_are_ready() {
  agents_down=$(nodes_not_ready)
  agents_unready=$(k get pods -n "$CILIUM_NAMESPACE" -l k8s-app=cilium \
    -o 'jsonpath={range .items[*]}{.spec.nodeName}|{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}') || return 1
  [ -n "$agents_unready" ] || return 1
  agents_unready=$(printf '%s\n' "$agents_unready" | grep -v '|True$' | cut -d '|' -f 1)
  for agents_node in $agents_unready; do
    printf '%s\n' "$agents_down" | grep -qx "$agents_node" || return 1
  done
  return 0
}

# daemonset_is_ready NAMESPACE/NAME: the controller has seen the current spec, and each of its pods is Ready; a pod on a
# node that is down itself is not waited for.
daemonset_is_ready() {
  ds_namespace=$(printf '%s' "$1" | cut -d / -f 1)
  ds_name=$(printf '%s' "$1" | cut -d / -f 2)
  ds_line=$(k get daemonset "$ds_name" -n "$ds_namespace" \
    -o 'jsonpath={.metadata.generation}|{.status.observedGeneration}|{.status.desiredNumberScheduled}|{.status.currentNumberScheduled}') || return 1
  IFS='|' read -r ds_generation ds_observed ds_desired ds_current <<LINE
$ds_line
LINE
  [ "$ds_generation" = "$ds_observed" ] && [ "$ds_desired" = "$ds_current" ] && [ "$ds_desired" != 0 ] || return 1
  ds_down=$(nodes_not_ready)
  ds_pods=$(k get pods -n "$ds_namespace" \
    -o 'jsonpath={range .items[*]}{.metadata.ownerReferences[?(@.controller==true)].kind}/{.metadata.ownerReferences[?(@.controller==true)].name}|{.spec.nodeName}|{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}') || return 1
  ds_unready=$(printf '%s\n' "$ds_pods" | grep "^DaemonSet/$ds_name|" | grep -v '|True$' | cut -d '|' -f 2)
  for ds_node in $ds_unready; do
    printf '%s\n' "$ds_down" | grep -qx "$ds_node" || return 1
  done
  return 0
}

# bridge_is_ready_on NODE: the bridge's pod there is Ready, which it is only while all of its rules stand in order.
bridge_is_ready_on() {
  [ "$(k get pods -n "$NAMESPACE" -l app.kubernetes.io/name=metachron-bridge --field-selector "spec.nodeName=$1" \
    -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}')" = True ]
}

sources_are_ready() {
  for source_daemonset in $SOURCE_DAEMONSETS; do
    daemonset_is_ready "$source_daemonset" || return 1
  done
  return 0
}

# policies_are_valid: at least $POLICIES Cilium policies are there, every one in the cluster is Valid, and of those that carry our
# label none is beyond $POLICIES: nothing prunes, so a policy that left git stays in the cluster. POLICY_TROUBLE says what is wrong.
policies_are_valid() {
  k get ciliumclusterwidenetworkpolicies,ciliumnetworkpolicies --all-namespaces \
    -o 'jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}|{.status.conditions[?(@.type=="Valid")].status}|{.status.conditions[?(@.type=="Valid")].message}{"\n"}{end}' \
    >"$WORK_DIR/policies" || return 1
  INVALID=$(grep -v '|True|' "$WORK_DIR/policies" | tr '\n' ' ')
  POLICY_COUNT=$(grep -c '|True|' "$WORK_DIR/policies")
  k get ciliumclusterwidenetworkpolicies,ciliumnetworkpolicies --all-namespaces -l app.kubernetes.io/managed-by=metachron \
    -o 'jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\n"}{end}' >"$WORK_DIR/policies" || return 1
  policies_ours=$(grep -c . "$WORK_DIR/policies")
  POLICY_TROUBLE="of $POLICIES Cilium policies $POLICY_COUNT are Valid; not Valid: $INVALID"
  if [ -z "$INVALID" ] && [ "$policies_ours" -gt "$POLICIES" ]; then
    POLICY_TROUBLE="$policies_ours Cilium policies carry the label app.kubernetes.io/managed-by=metachron and git has $POLICIES: delete those that left git"
    return 1
  fi
  [ -z "$INVALID" ] && [ "$POLICY_COUNT" -ge "$POLICIES" ]
}

# --- pods of a node ---------------------------------------------------------------------------------------------------

# pods_on NODE FILE: writes a line for each pod on the pod network that has not finished and is no helper of ours:
# namespace|name|uid|address|owner kind|owner name|mirror hash|restartPolicy|emptyDirs|TCP hostPorts|Ready|deletion
# Fails when the API server does not answer: an empty list must mean that there is no pod.
pods_on() {
  k get pods --all-namespaces --field-selector "spec.nodeName=$1,status.phase!=Succeeded,status.phase!=Failed" \
    -o 'jsonpath={range .items[*]}{.spec.hostNetwork}|{.metadata.labels.metachron\.dev/helper}|{.metadata.namespace}|{.metadata.name}|{.metadata.uid}|{.status.podIP}|{.metadata.ownerReferences[?(@.controller==true)].kind}|{.metadata.ownerReferences[?(@.controller==true)].name}|{.metadata.annotations.kubernetes\.io/config\.mirror}|{.spec.restartPolicy}|{.spec.volumes[*].emptyDir}|{.spec.containers[*].ports[?(@.protocol=="TCP")].hostPort}|{.status.conditions[?(@.type=="Ready")].status}|{.metadata.deletionTimestamp}{"\n"}{end}' \
    >"$2.all" || return 1
  sed -n -e '/^true|/d' -e 's/^[^|]*||//p' "$2.all" >"$2"
  return 0
}

# find_pods FUNCTION: counts in FOUND_COUNT the pods of the cluster on the pod network, not finished, whose address the
# function takes, and names the first twenty in FOUND_PODS. Fails when the API server does not answer.
find_pods() {
  k get pods --all-namespaces --field-selector 'status.phase!=Succeeded,status.phase!=Failed' \
    -o 'jsonpath={range .items[*]}{.spec.hostNetwork}|{.metadata.namespace}/{.metadata.name}|{.status.podIP}{"\n"}{end}' \
    >"$WORK_DIR/all-pods" || return 1
  FOUND_PODS=
  FOUND_COUNT=0
  while IFS='|' read -r found_host found_name found_ip; do
    if [ "$found_host" = true ] || [ -z "$found_ip" ]; then continue; fi
    "$1" "$found_ip" || continue
    FOUND_COUNT=$((FOUND_COUNT + 1))
    [ "$FOUND_COUNT" -gt 20 ] || FOUND_PODS="$FOUND_PODS $found_name($found_ip)"
  done <"$WORK_DIR/all-pods"
  return 0
}

# --- helper pods ------------------------------------------------------------------------------------------------------
# What a Job may have run on a node is written in full in the stage's templates (ConfigMap pods-<stage>): the script only
# fills in the words between @ signs. Helper pods have fixed names; one that is left from before is deleted first.

# helper_apply TEMPLATE NAME NODE [WORD VALUE]…
helper_apply() {
  helper_template=$STAGE_DIR/$1.yaml
  helper_name=$2
  helper_words="s|@NAME@|$2|g;s|@NODE@|$3|g"
  shift 3
  while [ $# -gt 1 ]; do
    helper_words="$helper_words;s|@$1@|$2|g"
    shift 2
  done
  helper_delete "$helper_name" || return 1
  sed "$helper_words" "$helper_template" | k_input create -f - --validate=false --field-manager="$MANAGER" >/dev/null
}

helper_gone() {
  helper_seen=$(k get pod "$1" -n "$NAMESPACE" --ignore-not-found -o 'jsonpath={.metadata.name}') && [ -z "$helper_seen" ]
}

helper_delete() {
  k delete pod "$1" -n "$NAMESPACE" --ignore-not-found --wait=false >/dev/null || return 1
  wait_for 120 helper_gone "$1"
}

# clear_helpers: deletes every helper pod of this stage.
clear_helpers() {
  helper_names=$(read_api get pods -n "$NAMESPACE" -l "metachron.dev/helper,metachron.dev/stage=$STAGE" -o 'jsonpath={.items[*].metadata.name}') ||
    die 10 "the helper pods cannot be listed: $(api_error)"
  for helper_left in $helper_names; do
    helper_delete "$helper_left" || die 10 "helper pod $helper_left cannot be deleted: $(api_error)"
  done
}

helper_ended() {
  helper_phase=$(k get pod "$1" -n "$NAMESPACE" --ignore-not-found -o 'jsonpath={.status.phase}') || return 1
  [ "$helper_phase" = Succeeded ] || [ "$helper_phase" = Failed ]
}

# helper_run SECONDS TEMPLATE NAME NODE [WORD VALUE]…: runs a helper pod to its end and shows what it says.
helper_run() {
  helper_seconds=$1
  shift
  helper_run_name=$2
  if ! helper_apply "$@"; then
    log helper "pod $helper_run_name cannot be made: $(api_error)"
    return 1
  fi
  if ! wait_for "$helper_seconds" helper_ended "$helper_run_name"; then
    log helper "pod $helper_run_name did not end within $helper_seconds s: $(helper_why "$helper_run_name")"
    return 1
  fi
  helper_result=$helper_phase
  helper_logs "$helper_run_name"
  helper_delete "$helper_run_name" || log helper "pod $helper_run_name is still there: $(api_error)"
  [ "$helper_result" = Succeeded ]
}

# Why a pod does not come up: reason and message of its first waiting container, or of its status.
helper_why() {
  k get pod "$1" -n "$NAMESPACE" --ignore-not-found \
    -o 'jsonpath={.status.phase} {.status.reason} {.status.message} {.status.containerStatuses[*].state.waiting.reason} {.status.initContainerStatuses[*].state.waiting.reason}'
}

helper_logs() {
  k logs "$1" -n "$NAMESPACE" --all-containers >"$WORK_DIR/helper-log" || return 0
  while IFS= read -r helper_line; do
    log helper "$1: $helper_line"
  done <"$WORK_DIR/helper-log"
}
`,
  "objects.sh": String.raw`# shellcheck shell=sh
# Deletes objects one after the other, in the order of the file "removal" of the stage, and annotations of Nodes. It is read
# with "." after nodes.sh.
#
# A line of "removal": STEP|RESOURCE|NAMESPACE|NAME|WAIT, RESOURCE as kubectl takes it (daemonsets.apps), NAMESPACE empty
# for cluster-scoped objects, WAIT yes or no. Objects that are not there are passed over: the Job can be run again.
# shellcheck disable=SC2317,SC2329 # functions are handed to wait_for by name

in_namespace() {
  if [ -n "$1" ]; then printf -- '--namespace=%s' "$1"; else printf -- '--namespace=%s' "$NAMESPACE"; fi
}

# A kind that is no longer served is as good as gone.
object_is_gone() {
  gone_name=$(k get "$1" "$3" "$(in_namespace "$2")" --ignore-not-found -o 'jsonpath={.metadata.name}') || {
    case "$(api_error)" in
      *"the server doesn't have a resource type"*) return 0 ;;
    esac
    return 1
  }
  [ -z "$gone_name" ]
}

delete_object() {
  k delete "$1" "$3" "$(in_namespace "$2")" --ignore-not-found --wait=false >/dev/null && return 0
  case "$(api_error)" in
    *"the server doesn't have a resource type"*) return 0 ;;
  esac
  return 1
}

delete_all() {
  CURRENT_STEP=3
  last_step=
  while IFS='|' read -r object_step object_resource object_namespace object_name object_wait <&4; do
    [ -n "$object_name" ] || continue
    if [ "$object_step" != "$last_step" ]; then
      [ -z "$last_step" ] || marker_must_write message "removed: $last_step"
      log remove "part: $object_step"
      last_step=$object_step
    fi
    wait_for 60 delete_object "$object_resource" "$object_namespace" "$object_name" ||
      die 50 "$object_resource $object_namespace/$object_name cannot be deleted: $(api_error)"
    if [ "$object_wait" = yes ]; then
      wait_for 600 object_is_gone "$object_resource" "$object_namespace" "$object_name" ||
        die 50 "$object_resource $object_namespace/$object_name is still there: a finalizer needs the manager that owns it"
    fi
    log remove "$object_resource $object_namespace/$object_name"
    case "$object_resource" in
      daemonsets.apps)
        wait_for 600 daemonset_pods_are_gone "$object_namespace" "$object_name" ||
          die 50 "pods of DaemonSet $object_namespace/$object_name are still there"
        ;;
    esac
    lease_renew
  done 4<"$STAGE_DIR/removal"
}

daemonset_pods_are_gone() {
  left=$(k get pods -n "$1" \
    -o 'jsonpath={range .items[*]}{.metadata.ownerReferences[?(@.controller==true)].kind}/{.metadata.ownerReferences[?(@.controller==true)].name}{"\n"}{end}') || return 1
  ! printf '%s\n' "$left" | grep -qx "DaemonSet/$2"
}

sources_are_gone() {
  for source_daemonset in $SOURCE_DAEMONSETS; do
    source_seen=$(k get daemonset "$(printf '%s' "$source_daemonset" | cut -d / -f 2)" \
      -n "$(printf '%s' "$source_daemonset" | cut -d / -f 1)" --ignore-not-found -o 'jsonpath={.metadata.name}') || return 1
    [ -z "$source_seen" ] || return 1
  done
  return 0
}

# Annotations that begin with one of the prefixes of the file "annotation-prefixes".
clean_annotations() {
  # shellcheck disable=SC2016 # the variables are those of the template
  annotation_keys=$(k get node "$1" -o 'go-template={{range $key, $value := .metadata.annotations}}{{$key}}{{"\n"}}{{end}}') ||
    die 10 "node $1 cannot be read: $(api_error)"
  while IFS= read -r annotation_prefix; do
    [ -n "$annotation_prefix" ] || continue
    for annotation_key in $annotation_keys; do
      case "$annotation_key" in
        "$annotation_prefix"*)
          k annotate node "$1" "$annotation_key-" --field-manager="$MANAGER" >/dev/null ||
            die 50 "annotation $annotation_key of node $1 cannot be removed: $(api_error)"
          log annotation "$annotation_key is gone"
          ;;
      esac
    done
  done <"$STAGE_DIR/annotation-prefixes"
}
`,
  "pods.sh": String.raw`# shellcheck shell=sh
# How pods leave the old network or get a new sandbox. It is read with "." after nodes.sh.

# split_pod LINE: a line of pods_on into variables.
split_pod() {
  IFS='|' read -r POD_NS POD_NAME POD_UID POD_IP POD_OWNER POD_OWNER_NAME POD_MIRROR POD_RESTART POD_EMPTYDIR POD_HOSTPORTS POD_READY POD_DELETED <<LINE
$1
LINE
}

# each_pod NODE FUNCTION: calls the function for each pod on the node, with the variables set. Fails if the list cannot
# be read, or if the function failed for any pod.
each_pod() {
  each_file=$WORK_DIR/pods-$2
  each_result=0
  pods_on "$1" "$each_file" || return 1
  while IFS= read -r each_line <&3; do
    split_pod "$each_line"
    "$2" || each_result=1
  done 3<"$each_file"
  return "$each_result"
}

# --- eviction -----------------------------------------------------------------------------------------------------------

# evict NAMESPACE NAME [QUERY]: asks the Eviction API, which respects PodDisruptionBudgets. Sets EVICT_SAYS to
#   gone      accepted, or no such pod
#   budget    a budget does not allow it now (429)
#   error     anything else; EVICT_WHY holds the text
evict() {
  EVICT_WHY=
  if printf '{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"namespace":"%s","name":"%s"}}' "$1" "$2" |
    k_input create --raw "/api/v1/namespaces/$1/pods/$2/eviction$3" -f - >/dev/null; then
    EVICT_SAYS=gone
    return 0
  fi
  EVICT_WHY=$(api_error)
  case "$EVICT_WHY" in
    *NotFound* | *"not found"*) EVICT_SAYS=gone ;;
    *TooManyRequests* | *"disruption budget"*) EVICT_SAYS=budget ;;
    *) EVICT_SAYS=error ;;
  esac
  [ "$EVICT_SAYS" = gone ]
}

pod_is_gone() {
  gone_uid=$(k get pod "$2" -n "$1" --ignore-not-found -o 'jsonpath={.metadata.uid}') && [ "$gone_uid" != "$3" ]
}

# Whether this pod can leave its node: not a mirror of a static pod, not of a DaemonSet.
pod_can_leave() {
  [ -z "$POD_MIRROR" ] && [ "$POD_OWNER" != DaemonSet ]
}

# --- preflight: what this roll cannot move ------------------------------------------------------------------------------

# Adds to UNMOVABLE each pod that eviction would lose for good, unless the plan allows it. Judges one pod of each_pod.
note_unmovable() {
  if [ -n "$POD_MIRROR" ]; then
    UNMOVABLE="$UNMOVABLE $POD_NS/$POD_NAME(static-pod-on-the-pod-network)"
  elif [ "$POD_OWNER" = DaemonSet ]; then
    :
  elif [ -z "$POD_OWNER" ] && [ "$DELETE_BARE_PODS" != true ]; then
    UNMOVABLE="$UNMOVABLE $POD_NS/$POD_NAME(no-controller)"
  elif [ -n "$POD_EMPTYDIR" ] && [ "$DELETE_EMPTYDIR_DATA" != true ]; then
    UNMOVABLE="$UNMOVABLE $POD_NS/$POD_NAME(emptyDir)"
  fi
}

# --- moving away --------------------------------------------------------------------------------------------------------

# What stands on the node when it is cordoned has to leave. A pod that comes back nevertheless, because it tolerates a
# cordoned node, would be chased for ever: it is left, and gets its new network after the switch.
note_to_drain() {
  ! pod_can_leave || DRAIN_UIDS="$DRAIN_UIDS$POD_UID "
}

# Evicts one pod if it can leave and has not left yet.
drain_one() {
  case "$DRAIN_UIDS" in *" $POD_UID "*) ;; *) return 0 ;; esac
  DRAIN_LEFT=$((DRAIN_LEFT + 1))
  if [ -z "$POD_DELETED" ] && ! evict "$POD_NS" "$POD_NAME" ""; then
    DRAIN_WAITS="$DRAIN_WAITS $POD_NS/$POD_NAME($EVICT_SAYS)"
    [ "$EVICT_SAYS" = budget ] || log drain "$POD_NS/$POD_NAME: $EVICT_WHY"
  fi
  lease_renew
  return 0
}

# One pass over the node. Succeeds when nothing is left of what has to leave.
drain_pass() {
  DRAIN_LEFT=0
  DRAIN_WAITS=
  each_pod "$1" drain_one || return 1
  [ "$DRAIN_LEFT" -eq 0 ] && return 0
  log drain "$DRAIN_LEFT pods still on the node; refused for now:$DRAIN_WAITS"
  # A budget needs time to allow the next eviction; asking more often only loads the API server.
  sleep 5
  return 1
}

# --- after the switch: what is still on the wrong network ---------------------------------------------------------------

# wrong_network: whether the address of the current pod belongs to the network that this script moves away from.
wrong_network() {
  [ -n "$POD_IP" ] && "$IS_WRONG_ADDRESS" "$POD_IP"
}

list_wrong() {
  ! wrong_network || WRONG="$WRONG $POD_NS/$POD_NAME($POD_IP)"
}

# Names pods of a node that are on the wrong network in WRONG.
find_wrong() {
  WRONG=
  each_pod "$1" list_wrong
}

evict_allowed() {
  evict "$1" "$2" "$3" && return 0
  [ "$EVICT_SAYS" = budget ] || log evict "$1/$2: $EVICT_WHY"
  return 1
}

# daemonset_pod_is_back NAMESPACE DAEMONSET UID: another pod of it is Ready on the node.
daemonset_pod_is_back() {
  k get pods -n "$1" --field-selector "spec.nodeName=$CURRENT_NODE" \
    -o 'jsonpath={range .items[*]}{.metadata.ownerReferences[?(@.controller==true)].kind}/{.metadata.ownerReferences[?(@.controller==true)].name}|{.metadata.uid}|{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' \
    >"$WORK_DIR/back" || return 1
  grep "^DaemonSet/$2|" "$WORK_DIR/back" | grep -v "|$3|" | grep -q '|True$'
}

# Evicts one pod that came back or stayed on the wrong network, and waits until it is gone. DaemonSet pods go one by one:
# one that was Ready is Ready again before the next one goes.
evict_wrong() {
  wrong_network || return 0
  [ -z "$POD_MIRROR" ] || return 0
  wrong_ns=$POD_NS
  wrong_name=$POD_NAME
  wrong_uid=$POD_UID
  wrong_owner=$POD_OWNER
  wrong_owner_name=$POD_OWNER_NAME
  wrong_ready=$POD_READY
  log evict "$wrong_ns/$wrong_name ($POD_IP, $POD_OWNER)"
  wait_for "$DRAIN_TIMEOUT" evict_allowed "$wrong_ns" "$wrong_name" "" || return 1
  wait_for "$DRAIN_TIMEOUT" pod_is_gone "$wrong_ns" "$wrong_name" "$wrong_uid" || return 1
  if [ "$wrong_owner" = DaemonSet ] && [ "$wrong_ready" = True ]; then
    wait_for 600 daemonset_pod_is_back "$wrong_ns" "$wrong_owner_name" "$wrong_uid" || {
      EVICT_WHY="DaemonSet $wrong_ns/$wrong_owner_name has no Ready pod on the node again"
      return 1
    }
  fi
}

pod_is_on_right_network() {
  right_line=$(k get pod "$2" -n "$1" --ignore-not-found \
    -o 'jsonpath={.metadata.uid}|{.status.podIP}|{.status.conditions[?(@.type=="Ready")].status}') || return 1
  [ -n "$right_line" ] || return 0
  right_ip=$(printf '%s' "$right_line" | cut -d '|' -f 2)
  [ -n "$right_ip" ] && ! "$IS_WRONG_ADDRESS" "$right_ip" || return 1
  [ "$3" != True ] || [ "$(printf '%s' "$right_line" | cut -d '|' -f 3)" = True ]
}

# Gives one pod a new sandbox in place: same object, same node, same volumes, a new address. Never-pods are left alone:
# the kubelet does not start them a second time.
recycle_wrong() {
  wrong_network || return 0
  if [ "$POD_RESTART" = Never ]; then
    log recycle "$POD_NS/$POD_NAME is left alone: restartPolicy Never"
    return 0
  fi
  wrong_ns=$POD_NS
  wrong_name=$POD_NAME
  wrong_uid=$POD_UID
  wrong_ready=$POD_READY
  log recycle "$wrong_ns/$wrong_name ($POD_IP)"
  # A dry run of the eviction asks the budgets without evicting anybody.
  if [ -z "$POD_MIRROR" ]; then
    wait_for "$DRAIN_TIMEOUT" evict_allowed "$wrong_ns" "$wrong_name" "?dryRun=All" || return 1
  fi
  helper_run 120 recycle "recycle-$STAGE" "$CURRENT_NODE" CILIUM_IMAGE "$AGENT_IMAGE" \
    POD_NAMESPACE "$wrong_ns" POD_NAME "$wrong_name" POD_UID "$wrong_uid" || return 1
  wait_for 300 pod_is_on_right_network "$wrong_ns" "$wrong_name" "$wrong_ready"
}

# --- hostPorts ----------------------------------------------------------------------------------------------------------

note_hostports() {
  for hostport in $POD_HOSTPORTS; do
    [ "$hostport" = 0 ] || HOSTPORTS="$HOSTPORTS $hostport"
  done
  [ -z "$POD_IP" ] || LIVE_IPS="$LIVE_IPS$POD_IP,"
}

# sweep_hostports NODE: after a switch an entry of the old sandbox stays in front of the new one and swallows the port.
# The helper pod deletes the entries whose target is no living pod of the node.
sweep_hostports() {
  HOSTPORTS=
  LIVE_IPS=
  each_pod "$1" note_hostports || return 1
  [ -n "$HOSTPORTS" ] || return 0
  log hostports "ports in use:$HOSTPORTS"
  helper_run 120 hostports "hostports-$STAGE" "$1" CILIUM_IMAGE "$AGENT_IMAGE" LIVE_IPS "$LIVE_IPS"
}
`,
  "probe-pod.sh": String.raw`#!/bin/sh
# Runs in the pods of the probe pack, word for word in their templates: they are in the users' namespaces, where no script of
# ours is mounted. Needs sh and agnhost. No parenthesis follows a dollar sign but in sums: the kubelet would look for a
# variable there.
#
#   serve   listens on each of $PORTS (tcp/8080), and says so with a file once every one answers from inside
#   ask     tries each of $TARGETS (p01,allow,tcp,10.244.1.5:8080) until it is as wanted three times in a row, or once for what
#           passes, 12 times at most; then writes a line for each: p01 allow 1 (the verdict, how often it was tried)

# Tests have a place of their own; asked before unset variables are errors.
if [ -z "$MESSAGE_FILE" ]; then MESSAGE_FILE=/dev/termination-log; fi
if [ -z "$WORK_DIR" ]; then WORK_DIR=/tmp; fi
RESULTS=$WORK_DIR/results

set -u

PATH=$PATH:/

# words SEPARATOR TEXT: the parts of a word in A, B, C and D.
words() {
  IFS=$1
  # shellcheck disable=SC2086 # splitting is the point
  set -- $2 - - -
  IFS=' '
  A=$1
  B=$2
  C=$3
  D=$4
}

# reach PROTOCOL ADDRESS:PORT
reach() {
  agnhost connect --timeout=2s --protocol="$1" "$2"
}

listen() {
  if [ "$1" = udp ]; then
    exec agnhost serve-hostname --udp --http=false --port="$2"
  fi
  exec agnhost serve-hostname --tcp --http=false --port="$2"
}

serve() {
  for port in $PORTS; do
    words / "$port"
    listen "$A" "$B" &
  done
  # No policy decides what a pod says to itself: a port that answers here is open, whoever may reach it.
  for port in $PORTS; do
    words / "$port"
    until reach "$A" "127.0.0.1:$B"; do sleep 1; done
  done
  : >"$WORK_DIR/listening"
  wait
}

# try ID WANTED PROTOCOL ADDRESS:PORT
try() {
  tries=0
  steady=0
  while [ "$tries" -lt 12 ]; do
    tries=$((tries + 1))
    if reach "$3" "$4"; then seen=allow; else seen=deny; fi
    if [ "$seen" = "$2" ]; then steady=$((steady + 1)); else steady=0; fi
    if [ "$steady" -ge 3 ]; then break; fi
    if [ "$steady" -ge 1 ] && [ "$seen" = allow ]; then break; fi
    sleep 2
  done
  printf '%s %s %s\n' "$1" "$seen" "$tries" >"$RESULTS/$1"
}

# try_all WANTED: all at once.
try_all() {
  for target in $TARGETS; do
    words , "$target"
    if [ "$B" = "$1" ]; then try "$A" "$B" "$C" "$D" & fi
  done
  wait
}

# What must pass goes first: when it does, this pod is known everywhere, and what does not pass is denied and not early.
ask() {
  mkdir -p "$RESULTS"
  try_all allow
  sleep 5
  try_all deny
  cat "$RESULTS"/* >"$MESSAGE_FILE"
}

if ! command -v agnhost >/dev/null; then
  echo "the probe image has no agnhost" >"$MESSAGE_FILE"
  exit 1
fi
case "$1" in
  serve) serve ;;
  ask) ask ;;
esac
`,
  "probe.sh": String.raw`#!/bin/sh
# Runs in pods of the probe image, which needs sh and one of agnhost, curl, wget or nc.
#
#   probe.sh serve             answers on TCP 8080 until the pod is deleted
#   probe.sh connect TARGET…   tries each target until it answers, 60 s each; fails if one does not
#   probe.sh ports HOST PORT…  says "answers PORT" for each TCP port that answers; never fails
#   probe.sh query NAME        asks $METACHRON_PROMETHEUS_URL the query in $METACHRON_QUERY, judged by $METACHRON_JUDGEMENT
#   probe.sh goldpinger        asks $METACHRON_GOLDPINGER_URL for /cluster_health until $METACHRON_HEALTHY_ANSWERS answers in a
#                              row are good, 3 s apart
#
# A target is tcp://HOST:PORT (an IPv6 address in brackets), "api" (the Service of the API server, by address) or "dns" (the
# same by name).

set -u

say() {
  printf '%s\n' "$1"
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# get URL: the body, or a failure when the status is not one of success.
get() {
  if has curl; then
    curl -fsS -m 10 "$1"
  elif has wget; then
    wget -q -T 10 -O - "$1"
  else
    say "the probe image has neither curl nor wget"
    return 1
  fi
}

# reach HOST PORT: whether a TCP connection is set up within 5 s.
reach() {
  if has agnhost || [ -x /agnhost ]; then
    agnhost=agnhost
    has agnhost || agnhost=/agnhost
    case "$1" in
      *:*) "$agnhost" connect --timeout=5s "[$1]:$2" ;;
      *) "$agnhost" connect --timeout=5s "$1:$2" ;;
    esac
  elif has nc; then
    nc -z -w 5 "$1" "$2"
  elif has curl; then
    case "$1" in
      *:*) curl -sS -m 5 -o /dev/null "telnet://[$1]:$2" </dev/null ;;
      *) curl -sS -m 5 -o /dev/null "telnet://$1:$2" </dev/null ;;
    esac
  else
    say "the probe image has none of agnhost, nc and curl"
    return 1
  fi
}

connect() {
  failed=0
  for target in "$@"; do
    case "$target" in
      api) target="tcp://[$KUBERNETES_SERVICE_HOST]:$KUBERNETES_SERVICE_PORT" ;;
      dns) target=tcp://kubernetes.default.svc:443 ;;
    esac
    address=$(printf '%s' "$target" | sed -e 's|^tcp://||' -e 's|:[0-9]*$||' -e 's|^\[||' -e 's|\]$||')
    port=$(printf '%s' "$target" | sed 's|.*:||')
    tries=0
    until reach "$address" "$port" >/tmp/out 2>&1; do
      tries=$((tries + 1))
      if [ "$tries" -ge 20 ]; then
        say "no answer from $target: $(tr '\n' ' ' </tmp/out)"
        failed=1
        break
      fi
      sleep 3
    done
    [ "$tries" -ge 20 ] || say "$target answered after $tries failed tries"
  done
  return "$failed"
}

ports() {
  ports_host=$1
  shift
  for port in "$@"; do
    if reach "$ports_host" "$port" >/tmp/out 2>&1 || reach "$ports_host" "$port" >/tmp/out 2>&1; then say "answers $port"; fi
  done
}

serve() {
  if has agnhost; then
    exec agnhost netexec --http-port=8080 --udp-port=-1
  elif [ -x /agnhost ]; then
    exec /agnhost netexec --http-port=8080 --udp-port=-1
  elif has httpd; then
    mkdir -p /tmp/www
    echo metachron >/tmp/www/index.html
    exec httpd -f -p 8080 -h /tmp/www
  elif has busybox; then
    mkdir -p /tmp/www
    echo metachron >/tmp/www/index.html
    exec busybox httpd -f -p 8080 -h /tmp/www
  fi
  say "the probe image has neither agnhost nor httpd"
  exit 1
}

# "non-empty": a comparison drops what is false, so any answer means true. "non-zero": a plain value, 0 means false.
query() {
  answer=$(get "$METACHRON_PROMETHEUS_URL/api/v1/query?query=$METACHRON_QUERY") || {
    say "$1: Prometheus does not answer"
    return 1
  }
  case "$answer" in
    *'"status":"success"'*) ;;
    *)
      say "$1: Prometheus says $answer"
      return 1
      ;;
  esac
  values=$(printf '%s' "$answer" | tr '{' '\n' | sed -n 's/.*"value":\[[^,]*,"\([^"]*\)"\].*/\1/p')
  [ -n "$values" ] || values=$(printf '%s' "$answer" | sed -n 's/.*"resultType":"scalar","result":\[[^,]*,"\([^"]*\)"\].*/\1/p')
  if [ -z "$values" ]; then
    say "$1: no result"
    return 1
  fi
  if [ "$METACHRON_JUDGEMENT" = non-zero ] && printf '%s\n' "$values" | grep -qx '0'; then
    say "$1: 0"
    return 1
  fi
  say "$1: $(printf '%s' "$values" | tr '\n' ' ')"
}

goldpinger() {
  good=0
  tries=0
  while [ "$tries" -lt 40 ]; do
    tries=$((tries + 1))
    if get "$METACHRON_GOLDPINGER_URL/cluster_health" >/tmp/out 2>&1; then
      good=$((good + 1))
      [ "$good" -lt "$METACHRON_HEALTHY_ANSWERS" ] || {
        say "goldpinger: cluster healthy $good times"
        return 0
      }
    else
      good=0
      say "goldpinger: $(cut -c 1-300 </tmp/out | tr '\n' ' ')"
    fi
    sleep 3
  done
  return 1
}

what=$1
shift
case "$what" in
  serve) serve ;;
  connect) connect "$@" ;;
  ports) ports "$@" ;;
  query) query "$1" ;;
  goldpinger) goldpinger ;;
  *)
    say "unknown: $what"
    exit 1
    ;;
esac
`,
  "probes.sh": String.raw`# shellcheck shell=sh
# shellcheck disable=SC2317,SC2329 # functions are handed to wait_for and probe_pods by name
# The probe pack: pods of ours that policy takes for the users' own speak to each other, and each verdict is compared with the
# one that the proof expects. It is read with "." after nodes.sh.
#
# The stage's folder holds
#   probe-pods   ID|caller or listener|namespace|Job    ID.yaml is the Job; every Job ends and goes by itself
#   probes       ID|caller|listener|protocol|port|family|verdict|what it is|what decides
# A run that was broken off leaves nothing that the next one does not clear first: it starts anew.

# --- pods ---------------------------------------------------------------------------------------------------------------

# probe_pods FUNCTION [ROLE]: calls the function with ID NAMESPACE JOB for each pod of the pack; fails if it failed for any.
probe_pods() {
  probe_result=0
  while IFS='|' read -r probe_id probe_role probe_ns probe_job <&3; do
    [ "$probe_role" = "$2" ] || [ -z "$2" ] || continue
    "$1" "$probe_id" "$probe_ns" "$probe_job" || probe_result=1
  done 3<"$STAGE_DIR/probe-pods"
  return "$probe_result"
}

probe_delete() {
  k delete job "$3" -n "$2" --ignore-not-found --wait=false >/dev/null
}

# PROBES_LEFT: pods that are still there.
probe_is_gone() {
  probe_left=$(k get pods -n "$2" -l "job-name=$3" -o 'jsonpath={.items[*].metadata.name}') || return 1
  [ -z "$probe_left" ] || PROBES_LEFT="$PROBES_LEFT $2/$probe_left"
}

probes_are_gone() {
  PROBES_LEFT=
  probe_pods probe_delete "" && probe_pods probe_is_gone "" && [ -z "$PROBES_LEFT" ]
}

clear_probes() {
  wait_for 180 probes_are_gone || log probes "pods of the pack are still there:$PROBES_LEFT $(api_error)"
}

# A pack that cannot go on is taken away before the script ends.
probes_die() {
  probes_why=$2
  clear_probes
  die "$1" "$probes_why"
}

# A pod that is never ready still counts for some budgets: none may stay because somebody stopped the Job.
probes_on_term() {
  probe_pods probe_delete ""
  on_term
}

# probe_start ID NAMESPACE JOB [TARGETS]
probe_start() {
  sed "s|@TARGETS@|$4|g" "$STAGE_DIR/$1.yaml" | k_input create -f - --validate=false --field-manager="$MANAGER" >/dev/null
}

# --- listeners ----------------------------------------------------------------------------------------------------------

start_listener() {
  probe_start "$1" "$2" "$3" "" || probes_die 10 "job $3 cannot be made in namespace $2: $(api_error)"
}

# Writes the addresses of a listener whose container says that every port answers; names it in PROBES_WAIT until then.
listener_is_there() {
  [ ! -s "$WORK_DIR/listener-$1" ] || return 0
  probe_line=$(k get pods -n "$2" -l "job-name=$3" \
    -o 'jsonpath={range .items[*]}{.status.containerStatuses[*].ready}|{.status.podIPs[*].ip}|{.status.phase} {.status.reason} {.status.containerStatuses[*].state.waiting.reason} {.status.containerStatuses[*].state.terminated.message}{"\n"}{end}') || return 1
  case "$probe_line" in
    true\|?*) printf '%s' "$probe_line" | cut -d '|' -f 2 >"$WORK_DIR/listener-$1" ;;
    *)
      [ -n "$probe_line" ] || probe_line="||no pod: see kubectl describe job"
      PROBES_WAIT="$PROBES_WAIT $2/$3($(printf '%s' "$probe_line" | cut -d '|' -f 3- | tr -s ' \n' ' '))"
      ;;
  esac
}

listeners_are_there() {
  PROBES_WAIT=
  probe_pods listener_is_there listener && [ -z "$PROBES_WAIT" ]
}

# listener_address ID FAMILY: ADDRESS, in brackets where it needs them; empty when the pod has none of the family.
listener_address() {
  ADDRESS=
  IFS= read -r listener_addresses <"$WORK_DIR/listener-$1"
  for address in $listener_addresses; do
    case "$2/$address" in
      6/*:*) ADDRESS="[$address]" ;;
      4/*:*) ;;
      4/*) ADDRESS=$address ;;
    esac
  done
}

# --- callers ------------------------------------------------------------------------------------------------------------

start_caller() {
  caller_targets=
  while IFS='|' read -r target_id target_caller target_listener target_protocol target_port target_family target_wanted _ <&4; do
    [ "$target_caller" = "$1" ] || continue
    listener_address "$target_listener" "$target_family"
    [ -n "$ADDRESS" ] || probes_die 60 "the pod of $target_listener has no IPv$target_family address"
    caller_targets="$caller_targets $target_id,$target_wanted,$target_protocol,$ADDRESS:$target_port"
  done 4<"$STAGE_DIR/probes"
  probe_start "$1" "$2" "$3" "$caller_targets" || probes_die 10 "job $3 cannot be made in namespace $2: $(api_error)"
}

# Writes what a caller found, once it has ended: what its container left as its last words.
caller_has_ended() {
  [ ! -s "$WORK_DIR/caller-$1" ] || return 0
  caller_line=$(k get pods -n "$2" -l "job-name=$3" \
    -o 'jsonpath={range .items[*]}{.status.phase}|{.status.containerStatuses[*].state.waiting.reason}{"\n"}{.status.containerStatuses[*].state.terminated.message}{"\n"}{end}') || return 1
  case "$caller_line" in
    Succeeded\|*) printf '%s\n' "$caller_line" | sed 1d >"$WORK_DIR/caller-$1" ;;
    Failed\|*) probes_die 60 "job $3 in namespace $2 ended badly: $(printf '%s' "$caller_line" | tr '\n' ' ')" ;;
    *)
      [ -n "$caller_line" ] || caller_line="no pod: see kubectl describe job"
      PROBES_WAIT="$PROBES_WAIT $2/$3($(printf '%s' "$caller_line" | tr -s '| \n' ' '))"
      ;;
  esac
}

callers_have_ended() {
  PROBES_WAIT=
  probe_pods caller_has_ended caller && [ -z "$PROBES_WAIT" ]
}

# --- the table ----------------------------------------------------------------------------------------------------------

# Prints every probe on a line, and counts.
judge_probes() {
  cat "$WORK_DIR"/caller-* >"$WORK_DIR/verdicts"
  PROBES_COUNT=0
  PROBES_WRONG=
  printf '%-5s %-6s %-6s %-6s %s\n' probe wanted seen tries packet
  while IFS='|' read -r row_id _ _ _ _ _ row_wanted row_packet row_rule <&3; do
    row_line=$(grep "^$row_id " "$WORK_DIR/verdicts")
    row_seen=$(printf '%s' "$row_line" | cut -d ' ' -f 2)
    row_tries=$(printf '%s' "$row_line" | cut -d ' ' -f 3)
    [ -n "$row_seen" ] || row_seen=nothing
    PROBES_COUNT=$((PROBES_COUNT + 1))
    row_mark=
    if [ "$row_seen" != "$row_wanted" ]; then
      row_mark='  <-- WRONG'
      PROBES_WRONG="$PROBES_WRONG; $row_id $row_packet: wanted $row_wanted by $row_rule, seen $row_seen"
    fi
    printf '%-5s %-6s %-6s %-6s %s, by %s%s\n' "$row_id" "$row_wanted" "$row_seen" "$row_tries" "$row_packet" "$row_rule" "$row_mark"
  done 3<"$STAGE_DIR/probes"
}

# run_probes: the whole pack; the script ends here when a verdict is not the expected one.
run_probes() {
  clear_probes
  trap probes_on_term TERM INT
  probe_pods start_listener listener
  wait_for 300 listeners_are_there || probes_die 60 "pods of the pack do not listen:$PROBES_WAIT $(api_error)"
  probe_pods start_caller caller
  wait_for 300 callers_have_ended || probes_die 60 "pods of the pack do not end:$PROBES_WAIT $(api_error)"
  judge_probes
  clear_probes
  trap on_term TERM INT
  [ -z "$PROBES_WRONG" ] || die 63 "not as expected$PROBES_WRONG"
  marker_must_write probes "$PROBES_COUNT of $PROBES_COUNT as expected"
  log probes "$PROBES_COUNT of $PROBES_COUNT connections are decided as expected"
}
`,
  "remove-source.sh": String.raw`#!/bin/sh
# Deletes the old network's objects, one after the other, in the order of the file "removal" of the stage. Runs in the
# Job of the stage that removes the source. There is no way back after this but to install the old network again.
#
#   1 gate: stage before, with the reviewed digest
#   2 proof that nothing uses the old network: no pod has one of its addresses, every node is known, every agent is Ready
#   3 the objects: each deleted, and waited for where the next one needs it gone; after the agents' part, the pods
#   4 proof that the rest still talks: an echo pod of one node is reached from another

# shellcheck disable=SC2153,SC2317,SC2329 # variables come from the Job; functions are handed to wait_for by name

SCRIPTS=$(dirname "$0")
# shellcheck source=common.sh
. "$SCRIPTS/common.sh"
# shellcheck source=nodes.sh
. "$SCRIPTS/nodes.sh"
# shellcheck source=objects.sh
. "$SCRIPTS/objects.sh"
# shellcheck source=signals.sh
. "$SCRIPTS/signals.sh"

# --- step 2: proof ------------------------------------------------------------------------------------------------------

every_node_is_known() {
  linux_nodes >"$WORK_DIR/nodes" || return 1
  UNKNOWN=$(grep -vxF -f "$STAGE_DIR/nodes" "$WORK_DIR/nodes" | tr '\n' ' ')
  [ -z "$UNKNOWN" ]
}

# Also pods that are being deleted or do not run yet: as long as they have an address of the old network, it is needed.
no_pod_is_old() {
  find_pods is_old_address && [ "$FOUND_COUNT" -eq 0 ]
}

# Every pod with an address is one that Cilium wired: it has an endpoint of its name.
no_pod_is_unmanaged() {
  no_pod_is_old || return 1
  k get ciliumendpoints --all-namespaces -o 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}' >"$WORK_DIR/endpoints" || return 1
  # The list that the look before this one left; finished pods are not in it.
  sed -n -e '/^true|/d' -e 's/^[^|]*|\([^|]*\)|..*/\1/p' "$WORK_DIR/all-pods" >"$WORK_DIR/wired"
  UNMANAGED=$(grep -vxF -f "$WORK_DIR/endpoints" "$WORK_DIR/wired" | sed 20q | tr '\n' ' ')
  [ -z "$UNMANAGED" ]
}

prove_unused() {
  CURRENT_STEP=2
  wait_for 60 every_node_is_known || die 30 "nodes that no done wave took still need the old network: $UNKNOWN"
  wait_for 300 agents_are_ready || die 30 "Cilium agents are not Ready on: $agents_unready"
  wait_for 120 no_pod_is_old || die 61 "$FOUND_COUNT pods still use the old network:$FOUND_PODS"
  wait_for 120 no_pod_is_unmanaged || die 61 "pods have no Cilium endpoint: $UNMANAGED"
  log proof "no pod uses the old network; every pod has a Cilium endpoint"
}

# --- step 4: the rest still talks ---------------------------------------------------------------------------------------

prove_alive() {
  CURRENT_STEP=4
  k get pods -n "$NAMESPACE" -l app.kubernetes.io/name=metachron-echo \
    -o 'jsonpath={range .items[*]}{.spec.nodeName}|{.status.podIP}|{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' |
    grep '|True$' >"$WORK_DIR/echo"
  from=$(sed -n 1p "$WORK_DIR/echo" | cut -d '|' -f 1)
  to=$(sed -n '$p' "$WORK_DIR/echo" | cut -d '|' -f 2)
  if [ -z "$from" ]; then
    log probe "no echo pod is Ready: nothing was probed"
    return 0
  fi
  case "$to" in *:*) to="[$to]" ;; esac
  helper_run 300 probe "probe-$STAGE" "$from" TARGETS "tcp://$to:8080 api dns" || die 60 "a pod on node $from does not reach $to, the API service or DNS"
  log probe "a pod on node $from reaches $to, the API service and DNS"
}

main() {
  start_script CILIUM_NAMESPACE OLD_CIDRS NEW_CIDRS NODES SIGNALS
  lease_take
  CURRENT_STEP=1
  if already_done "done"; then
    log skip "this stage is done with this digest"
    lease_release
    exit 0
  fi
  marker_open running
  check_previous
  prove_unused
  prove_alive
  check_signals before
  delete_all
  prove_alive
  check_signals after
  finish "done" "the old network's objects are gone"
}

main
`,
  "roll.sh": String.raw`#!/bin/sh
# Moves the nodes of one wave to Cilium, one after the other. Runs in the wave's Job, on a node outside the wave.
#
#   0 tools, lease          4 record the node             8 gates: agent, file, endpoints, canary
#   1 already done?         5 cordon                      9 the pods that are left: DaemonSet pods, or every sandbox
#   2 gate: stage before    6 evict (mode evict)         10 uncordon, if it was schedulable before
#   3 preflight             7 restart the agent          11 soak, signals, marker
#
# Pods leave before the switch (mode evict): their network is taken down by the plugin that made it, so no lease and no
# hostPort rule stays. Mode recycle keeps every pod where it is and restarts its sandbox after the switch. Mode kured leaves
# emptying, rebooting and uncordoning the node to kured, which a file on the node calls after the switch.
# Killed at any point, the next run goes on from the marker (ConfigMap metachron/wave-<stage>). Exit codes: see common.sh.

# shellcheck disable=SC2034,SC2153,SC2317,SC2329 # variables come from the Job or go to steps.sh; functions go by name

SCRIPTS=$(dirname "$0")
# shellcheck source=common.sh
. "$SCRIPTS/common.sh"
# shellcheck source=nodes.sh
. "$SCRIPTS/nodes.sh"
# shellcheck source=pods.sh
. "$SCRIPTS/pods.sh"
# shellcheck source=steps.sh
. "$SCRIPTS/steps.sh"
# shellcheck source=signals.sh
. "$SCRIPTS/signals.sh"

RECORD_KIND=node IS_WRONG_ADDRESS=is_old_address IS_RIGHT_ADDRESS=is_new_address

# --- step 7: the switch -------------------------------------------------------------------------------------------------

# What the check proves: the agent read the CiliumNodeConfig (it wrote its CNI file), the file comes first on the disk, and
# each endpoint is enforced as it should be, seen twice. It does not prove that a packet arrives: that is step 8.
switch_node() {
  CURRENT_STEP=7
  [ "$RECORD_STEP" -lt 7 ] || return 0
  replace_agent "$1" 6
  helper_run 400 check "check-$STAGE" "$1" CILIUM_IMAGE "$AGENT_IMAGE" CHECK cilium ||
    die 50 "node $1 is not on Cilium: the agent did not take the CiliumNodeConfig, or its endpoints are not in force"
  record_write "$1" 7
  log agent "the agent is back, wrote its CNI file, and every endpoint is in force"
}

# --- step 8, mode kured: the reboot -------------------------------------------------------------------------------------

boot_id() {
  node_field "$1" '{.status.nodeInfo.bootID}'
}

node_has_rebooted() {
  boot_now=$(boot_id "$1") && [ -n "$boot_now" ] && [ "$boot_now" != "$RECORD_BOOT" ] && node_is_ready "$1"
}

kured_is_through() {
  node_has_rebooted "$1" || return 1
  [ "$RECORD_UNSCHEDULABLE" = true ] || ! node_is_cordoned "$1"
}

reboot_node() {
  RECORD_BOOT=$(marker_read "$STAGE" "boot.$1")
  if [ -z "$RECORD_BOOT" ]; then
    RECORD_BOOT=$(boot_id "$1")
    [ -n "$RECORD_BOOT" ] || die 60 "the boot id of node $1 cannot be read: $(api_error)"
    marker_must_write "boot.$1" "$RECORD_BOOT"
  fi
  if ! node_has_rebooted "$1"; then
    helper_run 120 sentinel "sentinel-$STAGE" "$1" || die 60 "the sentinel file cannot be made on node $1"
    log reboot "the sentinel is there; waiting for kured"
  fi
  wait_for "$DRAIN_TIMEOUT" kured_is_through "$1" || die 60 "kured did not reboot node $1 and give it back in $DRAIN_TIMEOUT s"
  log reboot "the node is back with another boot id"
}

finish_pods() {
  move_rest "$1"
  helper_run 400 check "check-$STAGE" "$1" CILIUM_IMAGE "$AGENT_IMAGE" CHECK endpoints ||
    die 60 "endpoints of node $1 are not in force"
  [ "$RECORD_STEP" -ge 9 ] || record_write "$1" 9
}

roll_node() {
  CURRENT_NODE=$1
  record_read "$1"
  if [ "$RECORD_STEP" -ge 11 ]; then
    log skip "node is done"
    return 0
  fi
  [ "$RECORD_STEP" -eq 0 ] || log resume "going on after step $RECORD_STEP"
  record_node "$1"
  if [ "$RECORD_STEP" -lt 10 ]; then
    if [ "$MODE" != kured ]; then cordon "$1"; fi
    clear_node "$1"
    switch_node "$1"
    gate_node "$1"
    if [ "$MODE" = kured ]; then reboot_node "$1"; fi
    finish_pods "$1"
    if [ "$MODE" = kured ]; then record_write "$1" 10; else uncordon "$1"; fi
  fi
  CURRENT_STEP=11
  check_signals after
  record_write "$1" 11
}

# After a rollback the records tell of nodes that are back on the old network: they start anew.
forget_rollback() {
  [ "$(marker_read "$STAGE" state)" = undone ] || return 0
  for node in $NODES; do
    marker_must_write "node.$node" "" "undo.$node" "" "boot.$node" ""
  done
  log resume "this stage was rolled back before: every node starts anew"
}

# --- main -----------------------------------------------------------------------------------------------------------------

main() {
  start_script NODES HOSTNAMES MODE NODE_CONFIG CILIUM_NAMESPACE OLD_CIDRS NEW_CIDRS BRIDGE SOURCE_DAEMONSETS \
    DRAIN_TIMEOUT SOAK_SECONDS DELETE_BARE_PODS DELETE_EMPTYDIR_DATA SIGNALS
  CONFIG=$NODE_CONFIG
  lease_take
  CURRENT_STEP=1
  if already_done "done"; then
    log skip "this stage is done with this digest"
    lease_release
    exit 0
  fi
  forget_rollback
  marker_open preflight
  check_previous
  check_start
  check_signals before
  log preflight "the cluster is ready for this wave"
  marker_must_write state running
  for node in $NODES; do
    roll_node "$node"
  done
  CURRENT_NODE=
  CURRENT_STEP=11
  log soak "waiting $SOAK_SECONDS s before the last look"
  wait_for "$SOAK_SECONDS" false
  for node in $NODES; do
    wait_for 300 node_is_ready "$node" || die 60 "node $node is not Ready after the soak"
    wait_for 120 nothing_wrong "$node" || die 61 "pods are on the old network on node $node after the soak:$WRONG"
  done
  wait_for 300 agents_are_ready || die 60 "Cilium agents are not Ready after the soak: $agents_unready"
  finish "done" "all nodes are on Cilium: $NODES"
}

main
`,
  "signals.sh": `# shellcheck shell=sh
# The user's own signals: Goldpinger and PromQL. It is read with "." after nodes.sh.
#
# Each signal is a template of its own in the stage's folder (signal-*.yaml): a pod on the pod network that asks and ends.

# check_signals WHEN: every signal says yes, or the script ends.
check_signals() {
  for signal in $SIGNALS; do
    signal_node=$(signal_place)
    helper_run 300 "$signal" "$signal-$STAGE" "$signal_node" ||
      die 62 "signal $signal says no ($1); its log is above"
    log signal "$signal says yes ($1)"
  done
}

# Asks from the node at hand, so that the answer itself crosses the network that its pods are on; before the first node
# from the first.
signal_place() {
  if [ -n "$CURRENT_NODE" ]; then
    printf '%s' "$CURRENT_NODE"
  else
    printf '%s' "$NODES" | cut -d ' ' -f 1
  fi
}
`,
  "steps.sh": String.raw`# shellcheck shell=sh
# The steps on one node, in both directions. It is read with "." after pods.sh and before the script's own functions.
# shellcheck disable=SC2317,SC2329 # functions are handed to wait_for and each_pod by name
#
# The script sets
#   RECORD_KIND        node (the roll) or undo (the way back): whose record in the marker
#   IS_WRONG_ADDRESS   function: the address is of the network that the node leaves
#   IS_RIGHT_ADDRESS   function: the address is of the network that the node goes to
#   CONFIG             name of the CiliumNodeConfig that must be in place

# --- the node's record in the marker ----------------------------------------------------------------------------------

# The record is JSON that record_write wrote: its values in their order, without the names.
record_read() {
  record=$(marker_read "$STAGE" "$RECORD_KIND.$1") || die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
  record_values=$(printf '%s' "$record" | sed -e 's/"[a-zA-Z]*"://g' -e 's/[{}"]//g' -e 's/,/|/g')
  IFS='|' read -r RECORD_STEP RECORD_UNSCHEDULABLE RECORD_AGENT_POD RECORD_AGENT_UID RECORD_IP_BEFORE RECORD_IP_AFTER _ <<VALUES
$record_values
VALUES
  [ -n "$RECORD_STEP" ] || RECORD_STEP=0
}

# record_write NODE STEP: the step is the last one that is finished.
record_write() {
  RECORD_STEP=$2
  record="{\"step\":$2,\"wasUnschedulable\":$RECORD_UNSCHEDULABLE,\"agentPod\":\"$RECORD_AGENT_POD\",\"agentUid\":\"$RECORD_AGENT_UID\""
  record="$record,\"podIpBefore\":\"$RECORD_IP_BEFORE\",\"podIpAfter\":\"$RECORD_IP_AFTER\",\"since\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"}"
  marker_must_write "$RECORD_KIND.$1" "$record"
}

# --- step 3: what both directions look at first ---------------------------------------------------------------------------

node_config_is_ours() {
  config=$(k get ciliumnodeconfig "$CONFIG" -n "$CILIUM_NAMESPACE" --ignore-not-found \
    -o 'jsonpath={.metadata.annotations.metachron\.dev/body-digest}|{.spec.nodeSelector.matchExpressions[*].key}|{.spec.nodeSelector.matchExpressions[*].operator}|{.spec.nodeSelector.matchExpressions[0].values[*]}|{.spec.nodeSelector.matchLabels}') || return 1
  [ "$config" = "$DIGEST|kubernetes.io/hostname|In|$HOSTNAMES|" ]
}

# A CiliumNodeConfig that sorts after ours wins over it, key by key. Those that take other nodes are fine; one of a
# rolled-back attempt of this very stage is deleted.
check_later_configs() {
  later=$(read_api get ciliumnodeconfigs -n "$CILIUM_NAMESPACE" \
    -o 'jsonpath={range .items[*]}{.metadata.name}|{.spec.nodeSelector.matchExpressions[*].key}|{.spec.nodeSelector.matchExpressions[*].operator}|{.spec.nodeSelector.matchExpressions[0].values[*]}|{.spec.nodeSelector.matchLabels}{"\n"}{end}') ||
    die 10 "the CiliumNodeConfigs cannot be read: $(api_error)"
  printf '%s\n' "$later" >"$WORK_DIR/configs"
  while IFS='|' read -r config_name config_keys config_operators config_values config_labels; do
    [ -n "$config_name" ] || continue
    [ "$(printf '%s\n%s\n' "$config_name" "$CONFIG" | LC_ALL=C sort | sed -n 2p)" = "$config_name" ] || continue
    [ "$config_name" != "$CONFIG" ] || continue
    if [ "$config_name" = "$CONFIG-undo" ]; then
      k delete ciliumnodeconfig "$config_name" -n "$CILIUM_NAMESPACE" --ignore-not-found >/dev/null ||
        die 30 "CiliumNodeConfig $config_name of the earlier rollback wins over ours and cannot be deleted: $(api_error)"
      log preflight "deleted CiliumNodeConfig $config_name of the earlier rollback, which won over ours"
      continue
    fi
    config_takes_ours "$config_keys" "$config_operators" "$config_values" "$config_labels" || continue
    die 30 "CiliumNodeConfig $config_name sorts after $CONFIG and selects nodes of this wave: its values would win"
  done <"$WORK_DIR/configs"
}

# config_takes_ours KEYS OPERATORS VALUES LABELS: whether a selector takes a node of this wave. What it cannot tell counts
# as yes.
config_takes_ours() {
  [ "$1" = kubernetes.io/hostname ] && [ -z "$4" ] || return 0
  for hostname in $HOSTNAMES; do
    case " $3 " in
      *" $hostname "*) [ "$2" != In ] || return 0 ;;
      *) [ "$2" != NotIn ] || return 0 ;;
    esac
  done
  [ "$2" != In ] && [ "$2" != NotIn ]
}

bridge_is_ready() {
  daemonset_is_ready "$NAMESPACE/$BRIDGE"
}

# check_start: the nodes, the CiliumNodeConfig, the agents, the old network, the bridge, and that every pod can be moved.
check_start() {
  CURRENT_STEP=3
  for node in $NODES; do
    wait_for 300 node_is_ready "$node" || die 30 "node $node is not Ready: $(api_error)"
    ! node_is_cordoned "$node" || log preflight "node $node is cordoned; unless this stage did it, it stays so at the end"
  done
  wait_for 300 node_config_is_ours ||
    die 30 "CiliumNodeConfig $CONFIG is not the reviewed one or does not select exactly [$HOSTNAMES]: '$config'"
  check_later_configs
  wait_for 600 agents_are_ready || die 30 "Cilium agents are not Ready on: $agents_unready"
  wait_for 600 sources_are_ready || die 30 "the old network is not Ready everywhere: $SOURCE_DAEMONSETS"
  if [ -n "$BRIDGE" ]; then
    wait_for 300 bridge_is_ready || die 30 "the bridge is not Ready on every node: $ds_unready"
  fi
  if [ "$MODE" = recycle ] || [ "$MODE" = kured ]; then
    for node in $NODES; do
      wait_for 60 node_has_room "$node" ||
        die 30 "node $node holds $room_used of $room_limit pods: the helper pods would find no room beside them"
    done
  fi
  if [ "$MODE" = evict ]; then
    UNMOVABLE=
    for node in $NODES; do
      wait_for 60 each_pod "$node" note_unmovable || die 10 "the pods of node $node cannot be listed: $(api_error)"
    done
    [ -z "$UNMOVABLE" ] || die 30 "eviction would lose these pods or their data for good:$UNMOVABLE"
  fi
}

# --- steps 4 to 6: record, cordon, evict --------------------------------------------------------------------------------

# The first write wins: a cordon of our own must never be taken for one that was there before.
record_node() {
  CURRENT_STEP=4
  [ "$RECORD_STEP" -lt 4 ] || return 0
  RECORD_UNSCHEDULABLE=false
  node_schedulability=$(read_api get node "$1" -o 'jsonpath={.spec.unschedulable}') || die 10 "node $1 cannot be read: $(api_error)"
  [ "$node_schedulability" != true ] || RECORD_UNSCHEDULABLE=true
  RECORD_IP_BEFORE=$(k get pods -n "$NAMESPACE" -l app.kubernetes.io/name=metachron-echo --field-selector "spec.nodeName=$1" \
    -o 'jsonpath={.items[0].status.podIP}')
  hostports_before "$1"
  record_write "$1" 4
  log record "node was unschedulable: $RECORD_UNSCHEDULABLE"
}

cordon() {
  CURRENT_STEP=5
  wait_for 60 set_unschedulable "$1" true || die 40 "node $1 cannot be cordoned: $(api_error)"
  [ "$RECORD_STEP" -ge 5 ] || record_write "$1" 5
  log cordon "node is cordoned"
}

clear_node() {
  CURRENT_STEP=6
  [ "$RECORD_STEP" -lt 6 ] || return 0
  if [ "$MODE" = evict ]; then
    DRAIN_UIDS=' '
    wait_for 60 each_pod "$1" note_to_drain || die 10 "the pods of node $1 cannot be listed: $(api_error)"
    wait_for "$DRAIN_TIMEOUT" drain_pass "$1" || die 40 "$DRAIN_LEFT pods did not leave node $1 in $DRAIN_TIMEOUT s:$DRAIN_WAITS"
    log drain "every pod that can leave has left"
  fi
  record_write "$1" 6
}

# --- step 7: the switch -------------------------------------------------------------------------------------------------

# replace_agent NODE STEP: deletes the agent's pod once and waits for the next one. The uid of the pod to replace is
# recorded first (with STEP, the last finished step), so that a run that was killed here does not do it twice.
replace_agent() {
  if [ -z "$RECORD_AGENT_UID" ]; then
    wait_for 120 agent_is_back "$1" none || die 50 "there is no Ready Cilium agent on node $1"
    RECORD_AGENT_POD=$AGENT_POD
    RECORD_AGENT_UID=$AGENT_UID
    record_write "$1" "$2"
  fi
  wait_for 60 find_agent "$1" || die 10 "the agent of node $1 cannot be read: $(api_error)"
  if [ "$AGENT_UID" = "$RECORD_AGENT_UID" ]; then
    k delete pod "$RECORD_AGENT_POD" -n "$CILIUM_NAMESPACE" --ignore-not-found --wait=false >/dev/null ||
      die 50 "agent pod $RECORD_AGENT_POD cannot be deleted: $(api_error)"
    log agent "deleted agent pod $RECORD_AGENT_POD"
  fi
  wait_for 600 agent_is_back "$1" "$RECORD_AGENT_UID" || die 50 "the Cilium agent of node $1 is not back and Ready: '$agent_lines'"
}

# --- step 8: gates ------------------------------------------------------------------------------------------------------

# echo_targets: addresses of Ready echo pods on other nodes, one of the old and one of the new network.
echo_targets() {
  k get pods -n "$NAMESPACE" -l app.kubernetes.io/name=metachron-echo \
    -o 'jsonpath={range .items[*]}{.spec.nodeName}|{.status.podIP}|{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' >"$WORK_DIR/echo" || return 1
  OLD_TARGET=
  OLD_NODE=
  NEW_TARGET=
  NEW_NODE=
  while IFS='|' read -r echo_node echo_ip echo_ready; do
    if [ "$echo_ready" != True ] || [ "$echo_node" = "$1" ]; then continue; fi
    if is_old_address "$echo_ip"; then
      OLD_TARGET=$echo_ip
      OLD_NODE=$echo_node
    elif is_new_address "$echo_ip"; then
      NEW_TARGET=$echo_ip
      NEW_NODE=$echo_node
    fi
  done <"$WORK_DIR/echo"
}

target() {
  case "$1" in
    *:*) printf 'tcp://[%s]:8080' "$1" ;;
    *) printf 'tcp://%s:8080' "$1" ;;
  esac
}

canary_is_ready() {
  canary_line=$(k get pod "canary-$STAGE" -n "$NAMESPACE" --ignore-not-found \
    -o 'jsonpath={.status.phase}|{.status.podIP}|{.status.conditions[?(@.type=="Ready")].status}') || return 1
  CANARY_IP=$(printf '%s' "$canary_line" | cut -d '|' -f 2)
  case "$canary_line" in
    Failed*) return 0 ;;
    *"|True") return 0 ;;
  esac
  return 1
}

endpoint_is_there() {
  endpoint=$(k get ciliumendpoint "canary-$STAGE" -n "$NAMESPACE" --ignore-not-found \
    -o 'jsonpath={.status.state}|{.status.networking.addressing[*].ipv4}|{.status.networking.addressing[*].ipv6}') || return 1
  case "$endpoint" in
    "ready|"*"$CANARY_IP"*) return 0 ;;
  esac
  return 1
}

# The canary is the first pod of the node on the network it goes to: it pays for the compilation of the datapath, and its
# init container reaches an old pod, a new pod, the API service and DNS before anything of value is moved.
gate_node() {
  CURRENT_STEP=8
  wait_for 120 node_is_ready "$1" || die 60 "node $1 is not Ready"
  if [ -n "$BRIDGE" ]; then
    wait_for 120 bridge_is_ready_on "$1" || die 60 "the bridge's rules are not in place and in order on node $1"
  fi
  wait_for 60 echo_targets "$1" || die 60 "the echo pods cannot be listed: $(api_error)"
  canary_targets=
  [ -z "$OLD_TARGET" ] || canary_targets=$(target "$OLD_TARGET")
  [ -z "$NEW_TARGET" ] || canary_targets="$canary_targets $(target "$NEW_TARGET")"
  [ -n "$canary_targets" ] || log gate "no echo pod is Ready on another node: only the API service and DNS are tried"
  helper_apply canary "canary-$STAGE" "$1" TARGETS "$canary_targets" || die 60 "the canary pod cannot be made: $(api_error)"
  wait_for 600 canary_is_ready || die 60 "the canary pod is not Ready on node $1: $(helper_why "canary-$STAGE")"
  helper_logs "canary-$STAGE"
  case "$canary_line" in
    Failed*) die 60 "the canary pod on node $1 could not reach all of [$canary_targets], the API service and DNS" ;;
  esac
  "$IS_RIGHT_ADDRESS" "$CANARY_IP" || die 60 "the canary pod on node $1 has the address $CANARY_IP, which is not of the network that the node goes to"
  if [ "$RECORD_KIND" = node ]; then
    wait_for 60 endpoint_is_there || die 60 "the canary pod has no ready CiliumEndpoint with its address: '$endpoint'"
  fi
  # And back: from a pod of each network on another node to the canary.
  for back_node in $OLD_NODE $NEW_NODE; do
    helper_run 300 probe "probe-$STAGE" "$back_node" TARGETS "$(target "$CANARY_IP")" ||
      die 60 "a pod on node $back_node does not reach the canary pod $CANARY_IP on node $1"
  done
  helper_delete "canary-$STAGE" || log gate "the canary pod is still there: $(api_error)"
  RECORD_IP_AFTER=$CANARY_IP
  [ "$RECORD_STEP" -ge 8 ] || record_write "$1" 8
  log gate "canary $CANARY_IP reached [$canary_targets] and was reached from [$OLD_NODE $NEW_NODE]"
}

# --- step 9: pods that are still on the wrong network ---------------------------------------------------------------------

move_rest() {
  CURRENT_STEP=9
  wait_for 60 find_agent "$1" || die 10 "the agent of node $1 cannot be read: $(api_error)"
  if [ "$MODE" = recycle ]; then
    each_pod "$1" recycle_wrong || die 61 "a pod of node $1 did not come back on the right network"
  else
    each_pod "$1" evict_wrong || die 61 "a pod of node $1 could not be evicted after the switch: $EVICT_WHY"
  fi
  sweep_hostports "$1" || die 60 "stale hostPort rules of node $1 could not be removed"
  hostports_after "$1"
  wait_for 120 nothing_wrong "$1" || die 61 "pods are still on the wrong network on node $1:$WRONG"
  log pods "every pod of the node is on the right network"
}

# --- hostPorts: what answered before answers after ------------------------------------------------------------------------

# ask_ports NODE PORT…: ANSWERING are the ports of the node that answer a pod on the host network of another node. The list
# is empty when there is no other node to ask from.
ask_ports() {
  ask_node=$1
  shift
  ANSWERING=
  wait_for 60 echo_targets "$ask_node" || return 1
  ask_from=$OLD_NODE
  [ -n "$ask_from" ] || ask_from=$NEW_NODE
  [ -n "$ask_from" ] || return 0
  ask_address=$(node_field "$ask_node" '{.status.addresses[?(@.type=="InternalIP")].address}' | cut -d ' ' -f 1)
  helper_run 300 ports "ports-$STAGE" "$ask_from" TARGETS "$ask_address $*" || return 1
  ANSWERING=$(sed -n 's/^answers //p' "$WORK_DIR/helper-log" | tr '\n' ' ')
}

hostports_before() {
  HOSTPORTS=
  LIVE_IPS=
  each_pod "$1" note_hostports || die 10 "the pods of node $1 cannot be listed: $(api_error)"
  [ -n "$HOSTPORTS" ] || return 0
  # shellcheck disable=SC2086 # one word for each port
  ask_ports "$1" $HOSTPORTS || die 30 "the hostPorts of node $1 could not be tried"
  marker_must_write "hostports.$1" "$ANSWERING"
  log hostports "in use:$HOSTPORTS; answer before the switch: $ANSWERING"
}

# Ports that answered before and are in use now: a pod that left took its port along.
hostports_answer() {
  HOSTPORTS=
  LIVE_IPS=
  each_pod "$1" note_hostports || return 1
  wanted_ports=
  for hostport in $HOSTPORTS; do
    case " $HOSTPORTS_BEFORE " in *" $hostport "*) wanted_ports="$wanted_ports $hostport" ;; esac
  done
  [ -n "$wanted_ports" ] || return 0
  # shellcheck disable=SC2086
  ask_ports "$1" $wanted_ports || return 1
  for hostport in $wanted_ports; do
    case " $ANSWERING " in *" $hostport "*) ;; *) return 1 ;; esac
  done
  return 0
}

hostports_after() {
  HOSTPORTS_BEFORE=$(marker_read "$STAGE" "hostports.$1") || die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
  [ -n "$HOSTPORTS_BEFORE" ] || return 0
  wait_for 180 hostports_answer "$1" || die 60 "hostPorts of node $1 answered before and do not now: wanted$wanted_ports, answer: $ANSWERING"
  log hostports "answer after the switch: $ANSWERING"
}

# Pods that may stay: those of restartPolicy Never in mode recycle, which end by themselves.
nothing_wrong() {
  find_wrong "$1" || return 1
  [ -n "$WRONG" ] || return 0
  [ "$MODE" = recycle ] || return 1
  STILL=
  each_pod "$1" list_wrong_restartable || return 1
  [ -z "$STILL" ]
}

list_wrong_restartable() {
  [ "$POD_RESTART" = Never ] || ! wrong_network || STILL="$STILL $POD_NS/$POD_NAME"
}

# --- step 10: give the node back ------------------------------------------------------------------------------------------

uncordon() {
  CURRENT_STEP=10
  if [ "$RECORD_UNSCHEDULABLE" = false ]; then
    wait_for 60 set_unschedulable "$1" null || die 60 "node $1 cannot be uncordoned: $(api_error)"
    log uncordon "node is schedulable again"
  else
    log uncordon "node was cordoned before this wave and stays so"
  fi
  record_write "$1" 10
}
`,
  "switch.sh": String.raw`#!/bin/sh
# The outage of an in-place migration, whole, in one Job: no engine is needed while it lasts, because engines have no network
# then either. Runs on the host network.
#
#   1 gate: stage before        5 a batch of nodes: what the old network left goes, the label lets the agent start
#   2 what must be there        6 the agents of the batch are Ready and wrote their CNI file
#   3 the old network's agents  7 every pod of the batch gets a new sandbox, and an address of the new network
#   4 nobody brings them back   8 the whole cluster: agents, echo pods, policies, signals, marker
#
# The first node goes alone through 5 to 7: while it is tried the others still talk to each other, and putting the old
# network's agents back is enough to return. Killed at any point, the next attempt goes on with the nodes that are not done.

# shellcheck disable=SC2034,SC2153,SC2317,SC2329 # variables come from the Job or go to steps.sh; functions go by name

SCRIPTS=$(dirname "$0")
# shellcheck source=common.sh
. "$SCRIPTS/common.sh"
# shellcheck source=nodes.sh
. "$SCRIPTS/nodes.sh"
# shellcheck source=pods.sh
. "$SCRIPTS/pods.sh"
# shellcheck source=steps.sh
. "$SCRIPTS/steps.sh"
# shellcheck source=objects.sh
. "$SCRIPTS/objects.sh"
# shellcheck source=signals.sh
. "$SCRIPTS/signals.sh"

# In one piece there is no old and new: what is not Cilium's has no network.
is_foreign_address() {
  ! is_new_address "$1"
}

RECORD_KIND=node IS_WRONG_ADDRESS=is_foreign_address IS_RIGHT_ADDRESS=is_new_address MODE=recycle BRIDGE=

# --- step 2: what must be there -----------------------------------------------------------------------------------------

every_node_is_known() {
  linux_nodes >"$WORK_DIR/nodes" || return 1
  UNKNOWN=$(grep -vxF -f "$STAGE_DIR/nodes" "$WORK_DIR/nodes" | tr '\n' ' ')
  [ -z "$UNKNOWN" ]
}

# The DaemonSet of the agents waits for the label that this Job sets.
agents_wait_for_label() {
  agents_label=$(k get daemonset cilium -n "$CILIUM_NAMESPACE" \
    -o "jsonpath={.spec.template.spec.nodeSelector.$(printf '%s' "$AGENT_LABEL" | sed 's/\./\\./g')}") || return 1
  [ "$agents_label" = yes ]
}

check_before() {
  CURRENT_STEP=2
  wait_for 60 every_node_is_known || die 30 "nodes that the plan does not know: $UNKNOWN"
  wait_for 300 agents_wait_for_label ||
    die 30 "the DaemonSet cilium does not wait for the label $AGENT_LABEL: '$agents_label' $(api_error)"
  wait_for 300 daemonset_is_ready "$NAMESPACE/metachron-images" || die 30 "Cilium's image is not on: $ds_unready"
  if [ "$POLICIES" -gt 0 ]; then
    wait_for 300 policies_are_valid || die 30 "$POLICY_TROUBLE"
  fi
}

# --- steps 3 and 4: the old network's agents ----------------------------------------------------------------------------

stop_source() {
  delete_all
  CURRENT_STEP=4
  # A manager that was not stopped brings them back within seconds.
  wait_for 20 false
  wait_for 30 sources_are_gone || die 50 "the old network was brought back by its manager: $SOURCE_DAEMONSETS"
  log stopped "the old network's agents are gone; what they left in the kernel still carries packets"
}

# --- steps 5 to 7: a batch of nodes ---------------------------------------------------------------------------------------

# end_helper NAME NODE WHAT: waits for a helper pod that was made before, shows its log, deletes it.
end_helper() {
  wait_for 900 helper_ended "$1" || die 50 "node $2 was not $3 in time: $(helper_why "$1")"
  end_phase=$helper_phase
  helper_logs "$1"
  helper_delete "$1" || log helper "pod $1 is still there: $(api_error)"
  [ "$end_phase" = Succeeded ] || die 50 "node $2 could not be $3; its log is above"
}

start_clean() {
  helper_apply clean "clean-$STAGE-$2" "$1" CILIUM_IMAGE "$CILIUM_IMAGE" ||
    die 50 "the helper pod of node $1 cannot be made: $(api_error)"
}

end_clean() {
  end_helper "clean-$STAGE-$2" "$1" cleaned
  clean_annotations "$1"
  k label node "$1" "$AGENT_LABEL=yes" --overwrite --field-manager="$MANAGER" >/dev/null ||
    die 50 "node $1 cannot be labelled: $(api_error)"
  log clean "the node is clean and may start its agent"
}

await_agent() {
  CURRENT_STEP=6
  wait_for 900 agent_is_back "$1" none || die 50 "the Cilium agent of node $1 is not Ready: '$agent_lines'"
  helper_run 400 check "check-$STAGE" "$1" CILIUM_IMAGE "$AGENT_IMAGE" CHECK cilium ||
    die 50 "the agent of node $1 did not write its CNI file, or its endpoints are not in force"
  log agent "the agent is Ready and wrote its CNI file"
}

# Pods of restartPolicy Never are left: the kubelet does not start them a second time. Pods without an address get theirs by
# themselves as soon as there is a network.
note_to_restart() {
  ! wrong_network || [ "$POD_RESTART" = Never ] || RESTART="$RESTART $POD_NS/$POD_NAME"
}

start_restart() {
  CURRENT_STEP=7
  RESTART=
  wait_for 60 list_to_restart "$1" || die 10 "the pods of node $1 cannot be listed: $(api_error)"
  [ -n "$RESTART" ] || return 0
  helper_apply restart "restart-$STAGE-$2" "$1" CILIUM_IMAGE "$CILIUM_IMAGE" PODS "$RESTART" ||
    die 50 "the helper pod of node $1 cannot be made: $(api_error)"
}

list_to_restart() {
  RESTART=
  each_pod "$1" note_to_restart
}

end_restart() {
  CURRENT_STEP=7
  helper_gone "restart-$STAGE-$2" || end_helper "restart-$STAGE-$2" "$1" restarted
  wait_for 600 nothing_wrong "$1" || die 61 "pods without the new network are left on node $1:$WRONG"
  marker_must_write "node.$1" "done"
  log pods "every pod of the node is on the new network"
}

# each_of FUNCTION NODE…: calls it for each node of the batch, with the node's number.
each_of() {
  each_function=$1
  shift
  each_at=0
  for CURRENT_NODE in "$@"; do
    each_at=$((each_at + 1))
    "$each_function" "$CURRENT_NODE" "$each_at"
    lease_renew
  done
  CURRENT_NODE=
}

switch_batch() {
  CURRENT_STEP=5
  each_of start_clean "$@"
  each_of end_clean "$@"
  each_of await_agent "$@"
  each_of start_restart "$@"
  each_of end_restart "$@"
}

switch_nodes() {
  batch=
  batch_count=0
  batch_size=1
  while IFS= read -r switch_node <&5; do
    switch_record=$(marker_read "$STAGE" "node.$switch_node") || die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
    if [ "$switch_record" = "done" ]; then
      # The first node alone has shown that it works, in this attempt or in an earlier one.
      batch_size=$BATCH
      continue
    fi
    batch="$batch $switch_node"
    batch_count=$((batch_count + 1))
    [ "$batch_count" -ge "$batch_size" ] || continue
    # shellcheck disable=SC2086 # names of nodes, one word each
    switch_batch $batch
    batch=
    batch_count=0
    batch_size=$BATCH
  done 5<"$WORK_DIR/nodes"
  # shellcheck disable=SC2086
  [ -z "$batch" ] || switch_batch $batch
}

# --- step 8 ---------------------------------------------------------------------------------------------------------------

check_after() {
  CURRENT_STEP=8
  wait_for 600 agents_are_ready || die 50 "Cilium agents are not Ready on: $agents_unready"
  wait_for 600 daemonset_is_ready "$NAMESPACE/metachron-echo" || die 60 "echo pods are not Ready on: $ds_unready"
  if [ "$POLICIES" -gt 0 ]; then
    wait_for 300 policies_are_valid || die 60 "$POLICY_TROUBLE"
  fi
  find_pods is_foreign_address || die 10 "the pods cannot be listed: $(api_error)"
  [ "$FOUND_COUNT" -eq 0 ] ||
    log left "$FOUND_COUNT pods of restartPolicy Never have no network until they end:$FOUND_PODS"
  check_signals after
}

main() {
  start_script NODES CILIUM_NAMESPACE CILIUM_IMAGE OLD_CIDRS NEW_CIDRS SOURCE_DAEMONSETS BATCH POLICIES AGENT_LABEL SIGNALS
  lease_take
  CURRENT_STEP=1
  if already_done "done"; then
    log skip "this stage is done with this digest"
    lease_release
    exit 0
  fi
  marker_open running
  check_previous
  ds_unready=
  check_before
  stop_source
  switch_nodes
  check_after
  finish "done" "every node is on Cilium"
}

main
`,
  "undo.sh": String.raw`#!/bin/sh
# Takes the nodes of one wave back to the old network, one after the other. Runs in the undo Job of the stage.
#
#   0 tools, lease          4 record the node             8 gates: canary on the old network
#   1 already undone?       5 cordon                      9 the pods that are left; then a second restart of the agent
#   3 preflight             6 evict (mode evict)         10 uncordon, if it was schedulable before
#                           7 restart the agent, then the old CNI file back and 05-cilium.conflist away
#
# The order in step 7 matters: an agent that still cares for CNI files renames the old file again. The second restart
# removes the endpoints of the gone pods, whose network was taken down by the old plugin.

# shellcheck disable=SC2034,SC2153,SC2317,SC2329 # variables come from the Job or go to steps.sh; functions go by name

SCRIPTS=$(dirname "$0")
# shellcheck source=common.sh
. "$SCRIPTS/common.sh"
# shellcheck source=nodes.sh
. "$SCRIPTS/nodes.sh"
# shellcheck source=pods.sh
. "$SCRIPTS/pods.sh"
# shellcheck source=steps.sh
. "$SCRIPTS/steps.sh"
RECORD_KIND=undo IS_WRONG_ADDRESS=is_new_address IS_RIGHT_ADDRESS=is_old_address

# A node whose roll was broken off is cordoned by the roll, not by its owner: what the roll recorded counts then.
record_before_undo() {
  CURRENT_STEP=4
  [ "$RECORD_STEP" -lt 4 ] || return 0
  roll_record=$(marker_read "$STAGE" "node.$1") || die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
  roll_step=$(printf '%s' "$roll_record" | sed -n 's/.*"step":\([0-9]*\).*/\1/p')
  if [ -n "$roll_step" ] && [ "$roll_step" -lt 10 ]; then
    RECORD_UNSCHEDULABLE=$(printf '%s' "$roll_record" | sed -n 's/.*"wasUnschedulable":\([a-z]*\).*/\1/p')
    record_write "$1" 4
    log record "the roll of this node stopped after step $roll_step; it was unschedulable before: $RECORD_UNSCHEDULABLE"
    return 0
  fi
  record_node "$1"
}

# A node that the roll never reached has no pod on the new network and no Cilium file: it stays as it is.
is_untouched() {
  find_wrong "$1" || return 1
  [ -z "$WRONG" ] || return 1
  find_agent "$1" && [ -n "$AGENT_IMAGE" ] && helper_run 60 check "check-$STAGE" "$1" CILIUM_IMAGE "$AGENT_IMAGE" CHECK source
}

switch_back() {
  CURRENT_STEP=7
  [ "$RECORD_STEP" -lt 7 ] || return 0
  replace_agent "$1" 6
  helper_run 300 restore "restore-$STAGE" "$1" CILIUM_IMAGE "$AGENT_IMAGE" ||
    die 50 "the old CNI file could not be put back on node $1; its log is above"
  RECORD_AGENT_UID=
  record_write "$1" 7
  log agent "the agent leaves CNI files alone, the old file is back, 05-cilium.conflist is gone"
}

finish_pods() {
  [ "$RECORD_STEP" -lt 9 ] || return 0
  move_rest "$1"
  replace_agent "$1" 8
  record_write "$1" 9
  log agent "restarted once more: no endpoint of a gone pod is left"
}

undo_node() {
  CURRENT_NODE=$1
  record_read "$1"
  if [ "$RECORD_STEP" -ge 10 ]; then
    log skip "node is back"
    return 0
  fi
  [ "$RECORD_STEP" -eq 0 ] || log resume "going on after step $RECORD_STEP"
  record_before_undo "$1"
  if [ "$RECORD_STEP" -lt 5 ] && is_untouched "$1"; then
    log skip "the roll did not reach this node"
    uncordon "$1"
    return 0
  fi
  cordon "$1"
  clear_node "$1"
  switch_back "$1"
  gate_node "$1"
  finish_pods "$1"
  uncordon "$1"
}

main() {
  start_script NODES HOSTNAMES MODE NODE_CONFIG CILIUM_NAMESPACE OLD_CIDRS NEW_CIDRS BRIDGE SOURCE_DAEMONSETS \
    DRAIN_TIMEOUT DELETE_BARE_PODS DELETE_EMPTYDIR_DATA
  CONFIG=$NODE_CONFIG
  lease_take
  CURRENT_STEP=1
  if already_done undone; then
    log skip "this stage is undone with this digest"
    lease_release
    exit 0
  fi
  marker_open undoing
  check_start
  log preflight "the cluster is ready for the way back"
  for node in $NODES; do
    undo_node "$node"
  done
  CURRENT_NODE=
  for node in $NODES; do
    wait_for 120 nothing_wrong "$node" || die 61 "pods are on the new network on node $node:$WRONG"
  done
  finish undone "all nodes are back on the old network: $NODES"
}

main
`,
  "wave-gate.sh": String.raw`#!/bin/sh
# The gates and the marker of a wave that somebody else carries out: a person, system-upgrade-controller, kured, Cluster
# API. Runs in the wave's gate Job; it moves nothing.
#
#   1 gate: stage before      3 preflight, as for every wave (so the others wait with their work until this log says so)
#   2 -                       8 for each node, as soon as it is on Cilium: the gates of a rolled node
#                            11 soak, signals, marker
#
# With REPLACED=yes the nodes of the wave are to go, and as many to come in their place that the plan does not know: those
# that its catch-all CiliumNodeConfig takes. A machine that comes back under its old name counts as well.

# shellcheck disable=SC2034,SC2153,SC2317,SC2329 # variables come from the Job or go to steps.sh; functions go by name

SCRIPTS=$(dirname "$0")
# shellcheck source=common.sh
. "$SCRIPTS/common.sh"
# shellcheck source=nodes.sh
. "$SCRIPTS/nodes.sh"
# shellcheck source=pods.sh
. "$SCRIPTS/pods.sh"
# shellcheck source=steps.sh
. "$SCRIPTS/steps.sh"
# shellcheck source=signals.sh
. "$SCRIPTS/signals.sh"

RECORD_KIND=node IS_WRONG_ADDRESS=is_old_address IS_RIGHT_ADDRESS=is_new_address

# A node is on Cilium when it is Ready, its echo pod has a new address, and no pod has an old one.
node_is_moved() {
  node_is_ready "$1" || return 1
  echo_address=$(k get pods -n "$NAMESPACE" -l app.kubernetes.io/name=metachron-echo --field-selector "spec.nodeName=$1" \
    -o 'jsonpath={.items[0].status.podIP}') || return 1
  [ -n "$echo_address" ] && is_new_address "$echo_address" && find_wrong "$1" && [ -z "$WRONG" ]
}

pass_node() {
  CURRENT_NODE=$1
  record_read "$1"
  if [ "$RECORD_STEP" -ge 11 ]; then
    log skip "node is done"
    return 0
  fi
  RECORD_UNSCHEDULABLE=false
  ! node_is_cordoned "$1" || RECORD_UNSCHEDULABLE=true
  wait_for 60 find_agent "$1" || die 10 "the agent of node $1 cannot be read: $(api_error)"
  helper_run 400 check "check-$STAGE" "$1" CILIUM_IMAGE "$AGENT_IMAGE" CHECK cilium ||
    die 50 "node $1 is not on Cilium: the agent did not take the CiliumNodeConfig, or its endpoints are not in force"
  gate_node "$1"
  CURRENT_STEP=9
  sweep_hostports "$1" || die 60 "stale hostPort rules of node $1 could not be removed"
  CURRENT_STEP=11
  check_signals after
  record_write "$1" 11
  log passed "the node passed its gates"
}

# --- nodes that stay ------------------------------------------------------------------------------------------------------

# One pass over the nodes that are left; LEFT holds those that are not on Cilium yet.
pass_moved_nodes() {
  LEFT=
  for node in $NODES; do
    case " $PASSED " in *" $node "*) continue ;; esac
    CURRENT_NODE=$node
    if node_is_moved "$node"; then
      pass_node "$node"
      PASSED="$PASSED $node"
    else
      LEFT="$LEFT $node"
    fi
  done
  CURRENT_NODE=
  [ -z "$LEFT" ]
}

# --- nodes that are replaced ----------------------------------------------------------------------------------------------

# Nodes that the catch-all takes, as names, oldest first, in the file "new".
list_new_nodes() {
  catch_all=$(k get ciliumnodeconfig "$NEW_NODES_CONFIG" -n "$CILIUM_NAMESPACE" \
    -o 'jsonpath={.spec.nodeSelector.matchExpressions[0].values[*]}') || return 1
  # Each hostname as a pattern for the start of a line "hostname|name".
  printf '%s\n' "$catch_all" | tr ' ' '\n' | sed 's/\./\\./g; s/^/^/; s/$/|/' >"$WORK_DIR/known"
  k get nodes -l "$LINUX_NODES" --sort-by=.metadata.creationTimestamp \
    -o 'jsonpath={range .items[*]}{.metadata.labels.kubernetes\.io/hostname}|{.metadata.name}{"\n"}{end}' >"$WORK_DIR/nodes" || return 1
  grep -v -f "$WORK_DIR/known" "$WORK_DIR/nodes" | cut -d '|' -f 2 >"$WORK_DIR/new"
  cut -d '|' -f 2 "$WORK_DIR/nodes" >"$WORK_DIR/names"
}

nodes_are_replaced() {
  LEFT="(the nodes cannot be listed)"
  list_new_nodes || return 1
  LEFT=
  NEW_NODES=
  wanted=0
  for node in $NODES; do
    if ! grep -qxF "$node" "$WORK_DIR/names"; then
      wanted=$((wanted + 1))
    elif node_is_moved "$node"; then
      NEW_NODES="$NEW_NODES $node"
    else
      LEFT="$LEFT $node(still-there)"
    fi
  done
  # The youngest are those of this wave: earlier waves brought nodes that the plan does not know either.
  arrived=0
  for node in $(tail -n "$wanted" "$WORK_DIR/new"); do
    arrived=$((arrived + 1))
    NEW_NODES="$NEW_NODES $node"
    node_is_moved "$node" || LEFT="$LEFT $node(not-on-Cilium)"
  done
  [ "$arrived" -ge "$wanted" ] || LEFT="$LEFT ($arrived-of-$wanted-new-nodes)"
  [ -z "$LEFT" ]
}

main() {
  start_script NODES HOSTNAMES MODE NODE_CONFIG CILIUM_NAMESPACE OLD_CIDRS NEW_CIDRS BRIDGE SOURCE_DAEMONSETS \
    DELETE_BARE_PODS DELETE_EMPTYDIR_DATA SOAK_SECONDS SIGNALS PATIENCE REPLACED NEW_NODES_CONFIG
  CONFIG=$NODE_CONFIG
  lease_take
  CURRENT_STEP=1
  if already_done "done"; then
    log skip "this stage is done with this digest"
    lease_release
    exit 0
  fi
  marker_open preflight
  check_previous
  [ "$REPLACED" = yes ] || check_start
  check_signals before
  marker_must_write state running
  log preflight "the cluster is ready: carry out this wave now"
  PASSED=
  if [ "$REPLACED" = yes ]; then
    wait_for "$PATIENCE" nodes_are_replaced || die 50 "not replaced in $PATIENCE s:$LEFT"
    for node in $NEW_NODES; do pass_node "$node"; done
  else
    wait_for "$PATIENCE" pass_moved_nodes || die 50 "not on Cilium in $PATIENCE s:$LEFT"
  fi
  CURRENT_NODE=
  CURRENT_STEP=11
  wait_for "$SOAK_SECONDS" false
  wait_for 300 agents_are_ready || die 60 "Cilium agents are not Ready after the soak: $agents_unready"
  finish "done" "all nodes of the wave are on Cilium"
}

main
`,
};
