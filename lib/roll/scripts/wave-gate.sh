#!/bin/sh
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
