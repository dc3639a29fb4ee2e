# shellcheck shell=sh
# What the Job scripts know of nodes, agents and pods. It is read with "." after common.sh.

# Where the stage's pod templates are mounted; tests have a folder of their own.
[ -n "$(printenv STAGE_DIR)" ] || STAGE_DIR=/stage

# --- addresses --------------------------------------------------------------------------------------------------------
# Plain arithmetic, and no process for it: a cluster has tens of thousands of pods.

# split SEPARATOR TEXT: the parts of the text as words in PARTS; an empty part becomes "-".
split() {
  split_ifs=$IFS
  IFS=$1
  # shellcheck disable=SC2086 # splitting is the point
  set -- $2
  IFS=$split_ifs
  PARTS=
  for part in "$@"; do
    [ -n "$part" ] || part=-
    PARTS="$PARTS $part"
  done
}

# number4 ADDRESS: NUMBER, from 0 to 2^32 - 1.
number4() {
  split . "$1"
  NUMBER=0
  for part in $PARTS; do NUMBER=$(((NUMBER << 8) + part)); done
}

# words6 ADDRESS: the eight words of an IPv6 address in WORDS, with "::" filled up.
words6() {
  split : "$1"
  words_given=0
  for part in $PARTS; do [ "$part" = - ] || words_given=$((words_given + 1)); done
  WORDS=
  words_filled=no
  for part in $PARTS; do
    if [ "$part" != - ]; then
      WORDS="$WORDS $part"
    elif [ "$words_filled" = no ]; then
      words_filled=yes
      while [ "$words_given" -lt 8 ]; do
        WORDS="$WORDS 0"
        words_given=$((words_given + 1))
      done
    fi
  done
}

# prefix CIDR: base address and length in PREFIX_BASE and PREFIX_BITS.
prefix() {
  split / "$1"
  # shellcheck disable=SC2086
  set -- $PARTS
  PREFIX_BASE=$1
  PREFIX_BITS=$2
}

in_cidr4() {
  prefix "$2"
  number4 "$PREFIX_BASE"
  cidr_base=$NUMBER
  number4 "$1"
  [ $((NUMBER >> (32 - PREFIX_BITS))) -eq $((cidr_base >> (32 - PREFIX_BITS))) ]
}

in_cidr6() {
  prefix "$2"
  words6 "$PREFIX_BASE"
  cidr_words=$WORDS
  words6 "$1"
  # shellcheck disable=SC2086
  set -- $cidr_words
  for word in $WORDS; do
    [ "$PREFIX_BITS" -gt 0 ] || return 0
    cidr_shift=0
    [ "$PREFIX_BITS" -ge 16 ] || cidr_shift=$((16 - PREFIX_BITS))
    [ $((0x$word >> cidr_shift)) -eq $((0x$1 >> cidr_shift)) ] || return 1
    PREFIX_BITS=$((PREFIX_BITS - 16))
    shift
  done
  return 0
}

# in_cidrs ADDRESS PREFIX…: whether one of the prefixes holds the address.
in_cidrs() {
  cidrs_address=$1
  shift
  for cidr in "$@"; do
    case "$cidrs_address/$cidr" in
      /*) ;;
      *:*/*:*) ! in_cidr6 "$cidrs_address" "$cidr" || return 0 ;;
      *:*) ;;
      *) ! in_cidr4 "$cidrs_address" "$cidr" || return 0 ;;
    esac
  done
  return 1
}

# The lists of prefixes are words in one variable each.
is_new_address() {
  # shellcheck disable=SC2086
  in_cidrs "$1" $NEW_CIDRS
}

is_old_address() {
  # shellcheck disable=SC2086
  in_cidrs "$1" $OLD_CIDRS
}

# --- nodes ------------------------------------------------------------------------------------------------------------

# node_field NODE JSONPATH
node_field() {
  k get node "$1" -o "jsonpath=$2"
}

node_is_ready() {
  [ "$(node_field "$1" '{.status.conditions[?(@.type=="Ready")].status}')" = True ]
}

node_is_cordoned() {
  [ "$(node_field "$1" '{.spec.unschedulable}')" = true ]
}

# Names of the Linux nodes, one a line; nodes without a network of their own (virtual kubelets, Fargate) are none.
LINUX_NODES='kubernetes.io/os=linux,type!=virtual-kubelet,eks.amazonaws.com/compute-type!=fargate'
linux_nodes() {
  read_api get nodes -l "$LINUX_NODES" -o 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}'
}

# node_has_room NODE: whether the kubelet takes three pods more. Helper pods ask for no other resource.
node_has_room() {
  room_limit=$(node_field "$1" '{.status.allocatable.pods}') || return 1
  room_pods=$(k get pods --all-namespaces --field-selector "spec.nodeName=$1,status.phase!=Succeeded,status.phase!=Failed" \
    -o 'jsonpath={.items[*].metadata.name}') || return 1
  room_used=0
  for room_pod in $room_pods; do
    [ -z "$room_pod" ] || room_used=$((room_used + 1))
  done
  [ "$((room_used + 3))" -le "$room_limit" ]
}

# set_unschedulable NODE true|null
set_unschedulable() {
  k patch node "$1" --field-manager="$MANAGER" --type merge -p "{\"spec\":{\"unschedulable\":$2}}" >/dev/null
}

# --- agents -----------------------------------------------------------------------------------------------------------

# find_agent NODE: the agent's pod that is not being deleted, in AGENT_POD, AGENT_UID, AGENT_READY and AGENT_IMAGE; all are
# empty when there is none. Fails when the API server does not answer.
find_agent() {
  agent_lines=$(k get pods -n "$CILIUM_NAMESPACE" -l k8s-app=cilium --field-selector "spec.nodeName=$1" \
    -o 'jsonpath={range .items[*]}{.metadata.deletionTimestamp}|{.metadata.name}|{.metadata.uid}|{.status.conditions[?(@.type=="Ready")].status}|{.spec.containers[?(@.name=="cilium-agent")].image}{"\n"}{end}') || return 1
  AGENT_POD=
  AGENT_UID=
  AGENT_READY=
  AGENT_IMAGE=
  while IFS='|' read -r agent_deleted agent_pod agent_uid agent_ready agent_image; do
    if [ -n "$agent_deleted" ] || [ -z "$agent_pod" ]; then continue; fi
    AGENT_POD=$agent_pod
    AGENT_UID=$agent_uid
    AGENT_READY=$agent_ready
    AGENT_IMAGE=$agent_image
    break
  done <<LINES
$agent_lines
LINES
  return 0
}

# agent_is_back NODE UID: an agent that is Ready and is not the one with the given uid; its facts are those of find_agent.
agent_is_back() {
  find_agent "$1" && [ -n "$AGENT_POD" ] && [ "$AGENT_UID" != "$2" ] && [ "$AGENT_READY" = True ]
}

# Names of nodes that are not Ready, one a line.
nodes_not_ready() {
  k get nodes -o 'jsonpath={range .items[*]}{.metadata.name}|{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' |
    grep -v '|True$' | cut -d '|' -f 1
}

# Every agent Ready, except on nodes that are down themselves: those are named in the log and not waited for.
agents_are_ready() {
  agents_down=$(nodes_not_ready)
  agents_unready=$(k get pods -n "$CILIUM_NAMESPACE" -l k8s-app=cilium \
    -o 'jsonpath={range .items[*]}{.spec.nodeName}|{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}') || return 1
  [ -n "$agents_unready" ] || return 1
  agents_unready=$(printf '%s\n' "$agents_unready" | grep -v '|True$' | cut -d '|' -f 1)
  for agents_node in $agents_unready; do
    printf '%s\n' "$agents_down" | grep -qx "$agents_node" || return 1
  done
  return 0
}

# daemonset_is_ready NAMESPACE/NAME: the controller has seen the current spec, and each of its pods is Ready; a pod on a
# node that is down itself is not waited for.
daemonset_is_ready() {
  ds_namespace=$(printf '%s' "$1" | cut -d / -f 1)
  ds_name=$(printf '%s' "$1" | cut -d / -f 2)
  ds_line=$(k get daemonset "$ds_name" -n "$ds_namespace" \
    -o 'jsonpath={.metadata.generation}|{.status.observedGeneration}|{.status.desiredNumberScheduled}|{.status.currentNumberScheduled}') || return 1
  IFS='|' read -r ds_generation ds_observed ds_desired ds_current <<LINE
$ds_line
LINE
  [ "$ds_generation" = "$ds_observed" ] && [ "$ds_desired" = "$ds_current" ] && [ "$ds_desired" != 0 ] || return 1
  ds_down=$(nodes_not_ready)
  ds_pods=$(k get pods -n "$ds_namespace" \
    -o 'jsonpath={range .items[*]}{.metadata.ownerReferences[?(@.controller==true)].kind}/{.metadata.ownerReferences[?(@.controller==true)].name}|{.spec.nodeName}|{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}') || return 1
  ds_unready=$(printf '%s\n' "$ds_pods" | grep "^DaemonSet/$ds_name|" | grep -v '|True$' | cut -d '|' -f 2)
  for ds_node in $ds_unready; do
    printf '%s\n' "$ds_down" | grep -qx "$ds_node" || return 1
  done
  return 0
}

# bridge_is_ready_on NODE: the bridge's pod there is Ready, which it is only while all of its rules stand in order.
bridge_is_ready_on() {
  [ "$(k get pods -n "$NAMESPACE" -l app.kubernetes.io/name=metachron-bridge --field-selector "spec.nodeName=$1" \
    -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}')" = True ]
}

sources_are_ready() {
  for source_daemonset in $SOURCE_DAEMONSETS; do
    daemonset_is_ready "$source_daemonset" || return 1
  done
  return 0
}

# policies_are_valid: at least $POLICIES Cilium policies are there, every one in the cluster is Valid, and of those that carry our
# label none is beyond $POLICIES: nothing prunes, so a policy that left git stays in the cluster. POLICY_TROUBLE says what is wrong.
policies_are_valid() {
  k get ciliumclusterwidenetworkpolicies,ciliumnetworkpolicies --all-namespaces \
    -o 'jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}|{.status.conditions[?(@.type=="Valid")].status}|{.status.conditions[?(@.type=="Valid")].message}{"\n"}{end}' \
    >"$WORK_DIR/policies" || return 1
  INVALID=$(grep -v '|True|' "$WORK_DIR/policies" | tr '\n' ' ')
  POLICY_COUNT=$(grep -c '|True|' "$WORK_DIR/policies")
  k get ciliumclusterwidenetworkpolicies,ciliumnetworkpolicies --all-namespaces -l app.kubernetes.io/managed-by=metachron \
    -o 'jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\n"}{end}' >"$WORK_DIR/policies" || return 1
  policies_ours=$(grep -c . "$WORK_DIR/policies")
  POLICY_TROUBLE="of $POLICIES Cilium policies $POLICY_COUNT are Valid; not Valid: $INVALID"
  if [ -z "$INVALID" ] && [ "$policies_ours" -gt "$POLICIES" ]; then
    POLICY_TROUBLE="$policies_ours Cilium policies carry the label app.kubernetes.io/managed-by=metachron and git has $POLICIES: delete those that left git"
    return 1
  fi
  [ -z "$INVALID" ] && [ "$POLICY_COUNT" -ge "$POLICIES" ]
}

# --- pods of a node ---------------------------------------------------------------------------------------------------

# pods_on NODE FILE: writes a line for each pod on the pod network that has not finished and is no helper of ours:
# namespace|name|uid|address|owner kind|owner name|mirror hash|restartPolicy|emptyDirs|TCP hostPorts|Ready|deletion
# Fails when the API server does not answer: an empty list must mean that there is no pod.
pods_on() {
  k get pods --all-namespaces --field-selector "spec.nodeName=$1,status.phase!=Succeeded,status.phase!=Failed" \
    -o 'jsonpath={range .items[*]}{.spec.hostNetwork}|{.metadata.labels.metachron\.dev/helper}|{.metadata.namespace}|{.metadata.name}|{.metadata.uid}|{.status.podIP}|{.metadata.ownerReferences[?(@.controller==true)].kind}|{.metadata.ownerReferences[?(@.controller==true)].name}|{.metadata.annotations.kubernetes\.io/config\.mirror}|{.spec.restartPolicy}|{.spec.volumes[*].emptyDir}|{.spec.containers[*].ports[?(@.protocol=="TCP")].hostPort}|{.status.conditions[?(@.type=="Ready")].status}|{.metadata.deletionTimestamp}{"\n"}{end}' \
    >"$2.all" || return 1
  sed -n -e '/^true|/d' -e 's/^[^|]*||//p' "$2.all" >"$2"
  return 0
}

# find_pods FUNCTION: counts in FOUND_COUNT the pods of the cluster on the pod network, not finished, whose address the
# function takes, and names the first twenty in FOUND_PODS. Fails when the API server does not answer.
find_pods() {
  k get pods --all-namespaces --field-selector 'status.phase!=Succeeded,status.phase!=Failed' \
    -o 'jsonpath={range .items[*]}{.spec.hostNetwork}|{.metadata.namespace}/{.metadata.name}|{.status.podIP}{"\n"}{end}' \
    >"$WORK_DIR/all-pods" || return 1
  FOUND_PODS=
  FOUND_COUNT=0
  while IFS='|' read -r found_host found_name found_ip; do
    if [ "$found_host" = true ] || [ -z "$found_ip" ]; then continue; fi
    "$1" "$found_ip" || continue
    FOUND_COUNT=$((FOUND_COUNT + 1))
    [ "$FOUND_COUNT" -gt 20 ] || FOUND_PODS="$FOUND_PODS $found_name($found_ip)"
  done <"$WORK_DIR/all-pods"
  return 0
}

# --- helper pods ------------------------------------------------------------------------------------------------------
# What a Job may have run on a node is written in full in the stage's templates (ConfigMap pods-<stage>): the script only
# fills in the words between @ signs. Helper pods have fixed names; one that is left from before is deleted first.

# helper_apply TEMPLATE NAME NODE [WORD VALUE]…
helper_apply() {
  helper_template=$STAGE_DIR/$1.yaml
  helper_name=$2
  helper_words="s|@NAME@|$2|g;s|@NODE@|$3|g"
  shift 3
  while [ $# -gt 1 ]; do
    helper_words="$helper_words;s|@$1@|$2|g"
    shift 2
  done
  helper_delete "$helper_name" || return 1
  sed "$helper_words" "$helper_template" | k_input create -f - --validate=false --field-manager="$MANAGER" >/dev/null
}

helper_gone() {
  helper_seen=$(k get pod "$1" -n "$NAMESPACE" --ignore-not-found -o 'jsonpath={.metadata.name}') && [ -z "$helper_seen" ]
}

helper_delete() {
  k delete pod "$1" -n "$NAMESPACE" --ignore-not-found --wait=false >/dev/null || return 1
  wait_for 120 helper_gone "$1"
}

# clear_helpers: deletes every helper pod of this stage.
clear_helpers() {
  helper_names=$(read_api get pods -n "$NAMESPACE" -l "metachron.dev/helper,metachron.dev/stage=$STAGE" -o 'jsonpath={.items[*].metadata.name}') ||
    die 10 "the helper pods cannot be listed: $(api_error)"
  for helper_left in $helper_names; do
    helper_delete "$helper_left" || die 10 "helper pod $helper_left cannot be deleted: $(api_error)"
  done
}

helper_ended() {
  helper_phase=$(k get pod "$1" -n "$NAMESPACE" --ignore-not-found -o 'jsonpath={.status.phase}') || return 1
  [ "$helper_phase" = Succeeded ] || [ "$helper_phase" = Failed ]
}

# helper_run SECONDS TEMPLATE NAME NODE [WORD VALUE]…: runs a helper pod to its end and shows what it says.
helper_run() {
  helper_seconds=$1
  shift
  helper_run_name=$2
  if ! helper_apply "$@"; then
    log helper "pod $helper_run_name cannot be made: $(api_error)"
    return 1
  fi
  if ! wait_for "$helper_seconds" helper_ended "$helper_run_name"; then
    log helper "pod $helper_run_name did not end within $helper_seconds s: $(helper_why "$helper_run_name")"
    return 1
  fi
  helper_result=$helper_phase
  helper_logs "$helper_run_name"
  helper_delete "$helper_run_name" || log helper "pod $helper_run_name is still there: $(api_error)"
  [ "$helper_result" = Succeeded ]
}

# Why a pod does not come up: reason and message of its first waiting container, or of its status.
helper_why() {
  k get pod "$1" -n "$NAMESPACE" --ignore-not-found \
    -o 'jsonpath={.status.phase} {.status.reason} {.status.message} {.status.containerStatuses[*].state.waiting.reason} {.status.initContainerStatuses[*].state.waiting.reason}'
}

helper_logs() {
  k logs "$1" -n "$NAMESPACE" --all-containers >"$WORK_DIR/helper-log" || return 0
  while IFS= read -r helper_line; do
    log helper "$1: $helper_line"
  done <"$WORK_DIR/helper-log"
}
