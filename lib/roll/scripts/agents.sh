#!/bin/sh
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
