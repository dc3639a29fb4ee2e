#!/bin/sh
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
