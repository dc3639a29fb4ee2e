# shellcheck shell=sh
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
