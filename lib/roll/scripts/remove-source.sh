#!/bin/sh
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
