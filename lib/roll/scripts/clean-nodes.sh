#!/bin/sh
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
