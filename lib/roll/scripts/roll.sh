#!/bin/sh
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
