#!/bin/sh
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
