#!/bin/sh
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
