# shellcheck shell=sh
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
