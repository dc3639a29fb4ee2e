# shellcheck shell=sh
# What every Job script of metachron shares. It is read with ".", never run.
#
# Needs sh, kubectl and the tools that every small image has (cat, cut, date, dirname, grep, printenv, sed, sleep, sort, tail,
# tr). No jq, no bash.
# There is no "set -e": each call that may fail says what happens then. No name is ever written with a brace after the
# dollar sign, because Flux may substitute such texts.
#
# Exit codes, the same for every script:
#   10  the environment is not as expected (a tool, a variable, the API server)
#   11  another executor holds the lease metachron/roll
#   20  gate: the stage before is not done with the digest that was reviewed
#   30  preflight: the cluster is not in a state to start from; nothing was changed
#   40  pods could not be moved away; the node stays cordoned
#   50  the Cilium agent did not come back, or does not run with the values of this stage; the node stays cordoned
#   60  a connectivity gate failed; the node stays cordoned
#   61  pods with an address of the wrong network are left on a node
#   62  a signal of the user's own (Goldpinger, PromQL) says no
#   63  a connection of the probe pack was not decided as expected; nothing was changed
#   70  told to stop (TERM); the marker holds where, the next attempt goes on from there

set -u

NAMESPACE=metachron
MANAGER=metachron-roll
LEASE=roll
LEASE_SECONDS=120
# Tests point this at a clock of their own.
[ -n "$(printenv UPTIME_FILE)" ] || UPTIME_FILE=/proc/uptime
[ -n "$(printenv WORK_DIR)" ] || WORK_DIR=/tmp

# A missing one of these is told by start_script; telling needs them.
[ -n "$(printenv STAGE)" ] || STAGE=
[ -n "$(printenv ATTEMPT)" ] || ATTEMPT=0
CURRENT_NODE=
CURRENT_STEP=0
LEASE_HELD=no
LEASE_RENEWED=0
K_INPUT=/dev/null

# --- time -------------------------------------------------------------------------------------------------------------

# clock: NOW, in seconds of a clock that nobody can set back.
clock() {
  IFS=. read -r NOW _ <"$UPTIME_FILE"
}

# --- output -----------------------------------------------------------------------------------------------------------

# escape TEXT: ESCAPED, fit for a JSON string. Most texts need no change, and no process.
escape() {
  case "$1" in
    *[\"\\]* | *[[:cntrl:]]*) ESCAPED=$(printf '%s' "$1" | tr '[:cntrl:]' ' ' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g') ;;
    *) ESCAPED=$1 ;;
  esac
}

# log EVENT MESSAGE: one JSON line, so that the Job's log is a report.
log() {
  clock
  escape "$2"
  printf '{"seconds":%s,"stage":"%s","attempt":%s,"node":"%s","step":%s,"event":"%s","message":"%s"}\n' \
    "$((NOW - STARTED))" "$STAGE" "$ATTEMPT" "$CURRENT_NODE" "$CURRENT_STEP" "$1" "$ESCAPED"
}

# die CODE MESSAGE: says why, writes it into the marker, gives the lease back, ends.
die() {
  log failed "$2"
  if [ "$LEASE_HELD" = yes ]; then
    marker_write state failed message "exit $1: $2"
    lease_release
  fi
  trap - TERM INT
  exit "$1"
}

on_term() {
  log stopped "told to stop at step $CURRENT_STEP of node $CURRENT_NODE: no node is uncordoned, the next attempt goes on here"
  if [ "$LEASE_HELD" = yes ]; then
    marker_write message "exit 70: told to stop at step $CURRENT_STEP of node $CURRENT_NODE"
    lease_release
  fi
  exit 70
}

# --- the API ----------------------------------------------------------------------------------------------------------

# k ARGS…: kubectl, tried again a few times where the API server was not reached at all.
k() {
  set -- 0 "$@"
  while :; do
    k_once "$@" && return 0
    k_tries=$(($1 + 1))
    shift
    if [ "$k_tries" -ge 5 ] || ! not_reached; then return 1; fi
    sleep 2
    set -- "$k_tries" "$@"
  done
}

k_once() {
  shift
  kubectl --request-timeout=20s "$@" <"$K_INPUT" 2>"$WORK_DIR/kubectl-error"
}

# k_input ARGS…: the same for calls that read an object from the standard input. They carry --validate=false: kubectl would
# load the API's whole description first, and these objects are ours. A create that was carried out although its
# answer got lost finds its own object at the next try.
k_input() {
  cat >"$WORK_DIR/input"
  K_INPUT=$WORK_DIR/input
  k "$@"
  k_result=$?
  K_INPUT=/dev/null
  [ "$k_result" = 0 ] && return 0
  [ "$1" = create ] && [ "$k_tries" -gt 1 ] && grep -q AlreadyExists "$WORK_DIR/kubectl-error"
}

not_reached() {
  grep -q -e 'Unable to connect' -e 'connection refused' -e 'connection reset' -e 'imeout' -e 'EOF' -e 'request canceled' \
    -e 'unable to handle the request' -e 'etcdserver' -e 'ServiceUnavailable' "$WORK_DIR/kubectl-error"
}

api_error() {
  tr '\n' ' ' <"$WORK_DIR/kubectl-error"
}

# read_api ARGS…: a read that goes on trying for a minute. An object that is not there is an empty answer where
# --ignore-not-found is given.
read_api() {
  wait_for 60 k "$@"
}

# wait_for SECONDS COMMAND…: runs the command until it succeeds, at first every two seconds, later every ten; renews the
# lease meanwhile. Waits may stand inside each other.
wait_for() {
  clock
  wait_end=$((NOW + $1))
  shift
  # Kept in the function's own parameters: a wait inside the command must not change ours.
  set -- "$wait_end" 0 "$@"
  while :; do
    wait_command "$@" && return 0
    clock
    [ "$NOW" -lt "$1" ] || return 1
    if [ "$2" -lt 10 ]; then sleep 2; elif [ "$2" -lt 20 ]; then sleep 5; else sleep 10; fi
    lease_renew
    wait_end=$1
    wait_tries=$(($2 + 1))
    shift 2
    set -- "$wait_end" "$wait_tries" "$@"
  done
}

wait_command() {
  shift 2
  "$@"
}

# --- start ------------------------------------------------------------------------------------------------------------

# start_script NAME…: checks the tools and that each named variable is set.
start_script() {
  clock
  STARTED=$NOW
  for tool in cat cut date dirname grep kubectl printenv sed sleep sort tail tr; do
    command -v "$tool" >/dev/null 2>&1 || die 10 "the image has no $tool"
  done
  for name in PREVIOUS PREVIOUS_DIGEST "$@"; do
    printenv "$name" >/dev/null || die 10 "the variable $name is not set"
  done
  for name in STAGE ATTEMPT KIND DIGEST JOB_UID; do
    [ -n "$(printenv "$name")" ] || die 10 "the variable $name is empty"
  done
  trap on_term TERM INT
  read_api get --raw /version >"$WORK_DIR/version" || die 10 "the API server does not answer: $(api_error)"
  log started "API server $(sed -n 's/.*"gitVersion": *"\([^"]*\)".*/\1/p' "$WORK_DIR/version"), executor $JOB_UID"
}

# --- lease: one executor at a time ------------------------------------------------------------------------------------

# lease_look: the Lease in lease_now, its parts in lease_version and lease_holder; all empty when there is none.
lease_look() {
  lease_now=$(k get lease "$LEASE" -n "$NAMESPACE" --ignore-not-found \
    -o 'jsonpath={.metadata.resourceVersion}|{.spec.holderIdentity}|{.spec.renewTime}') || return 1
  IFS='|' read -r lease_version lease_holder _ <<LEASE
$lease_now
LEASE
}

# lease_put VERB VERSION HOLDER: writes the Lease; with a version the API server refuses if somebody was faster.
lease_put() {
  k_input "$1" -f - --validate=false --field-manager="$MANAGER" >/dev/null <<LEASE
{"apiVersion":"coordination.k8s.io/v1","kind":"Lease",
 "metadata":{"name":"$LEASE","namespace":"$NAMESPACE","resourceVersion":"$2"},
 "spec":{"holderIdentity":"$3","leaseDurationSeconds":$LEASE_SECONDS,"renewTime":"$(date -u +%Y-%m-%dT%H:%M:%S.000000Z)"}}
LEASE
}

lease_try() {
  clock
  lease_look || return 1
  if [ -z "$lease_now" ]; then
    lease_put create "" "$JOB_UID"
    return
  fi
  # A lease that nobody renewed while we watched is expired. Only our own clock counts, not the one in the lease.
  if [ -n "$lease_holder" ] && [ "$lease_holder" != "$JOB_UID" ]; then
    if [ "$lease_now" != "$LEASE_SEEN" ]; then
      LEASE_SEEN=$lease_now
      LEASE_SEEN_AT=$NOW
      return 1
    fi
    [ $((NOW - LEASE_SEEN_AT)) -gt "$LEASE_SECONDS" ] || return 1
    log lease "the lease of executor $lease_holder was not renewed for $LEASE_SECONDS s: taken over"
  fi
  lease_put replace "$lease_version" "$JOB_UID"
}

lease_take() {
  LEASE_SEEN=
  LEASE_SEEN_AT=0
  wait_for $((LEASE_SECONDS + 60)) lease_try || die 11 "another executor holds the lease metachron/roll: $lease_now"
  LEASE_HELD=yes
  clock
  LEASE_RENEWED=$NOW
  # A run that was killed may have left a helper pod, and some of them may do much on their node.
  clear_helpers
}

# Renews when a quarter of the time is gone. Losing the lease stops the script: two executors must never run.
lease_renew() {
  [ "$LEASE_HELD" = yes ] || return 0
  clock
  [ $((NOW - LEASE_RENEWED)) -ge $((LEASE_SECONDS / 4)) ] || return 0
  lease_look || return 0
  if [ "$lease_holder" != "$JOB_UID" ]; then
    LEASE_HELD=no
    die 11 "lost the lease metachron/roll to $lease_now"
  fi
  lease_put replace "$lease_version" "$JOB_UID" && LEASE_RENEWED=$NOW
}

lease_release() {
  if lease_look && [ "$lease_holder" = "$JOB_UID" ]; then
    lease_put replace "$lease_version" ""
  fi
  LEASE_HELD=no
}

# --- marker: what was done, kept in the cluster -------------------------------------------------------------------------

# marker_read STAGE KEY: the value, or nothing.
marker_read() {
  case "$2" in
    *.*) marker_key=$(printf '%s' "$2" | sed 's/\./\\./g') ;;
    *) marker_key=$2 ;;
  esac
  read_api get configmap "wave-$1" -n "$NAMESPACE" --ignore-not-found -o "jsonpath={.data.$marker_key}"
}

# marker_write KEY VALUE…: one patch for all pairs.
marker_write() {
  marker_data=
  while [ $# -gt 1 ]; do
    [ -z "$marker_data" ] || marker_data="$marker_data,"
    escape "$2"
    marker_data="$marker_data\"$1\":\"$ESCAPED\""
    shift 2
  done
  k patch configmap "wave-$STAGE" -n "$NAMESPACE" --field-manager="$MANAGER" --type merge -p "{\"data\":{$marker_data}}" >/dev/null
}

marker_must_write() {
  wait_for 60 marker_write "$@" || die 10 "the marker wave-$STAGE cannot be written: $(api_error)"
}

# Argo CD counts the failed Job of an earlier attempt for ever: untrack it. It stays, with its log.
untrack_earlier_attempts() {
  earlier=1
  while [ "$earlier" -lt "$ATTEMPT" ]; do
    k annotate job "$KIND-$STAGE-a$earlier" -n "$NAMESPACE" --overwrite --field-manager="$MANAGER" \
      argocd.argoproj.io/ignore-healthcheck=true argocd.argoproj.io/tracking-id- >/dev/null ||
      log untrack "attempt $earlier: $(api_error)"
    earlier=$((earlier + 1))
  done
}

# marker_open STATE: makes the marker if it is not there and writes who we are.
marker_open() {
  marker_seen=$(read_api get configmap "wave-$STAGE" -n "$NAMESPACE" --ignore-not-found -o 'jsonpath={.metadata.name}') ||
    die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
  if [ -z "$marker_seen" ]; then
    k_input create -f - --validate=false --field-manager="$MANAGER" >/dev/null <<MARKER || die 10 "the marker wave-$STAGE cannot be made: $(api_error)"
{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"wave-$STAGE","namespace":"$NAMESPACE",
 "labels":{"app.kubernetes.io/managed-by":"$MANAGER","metachron.dev/stage":"$STAGE"}},"data":{}}
MARKER
  fi
  # shellcheck disable=SC2153 # PREVIOUS_DIGEST comes from the Job
  marker_must_write wave "$STAGE" attempt "$ATTEMPT" digest "$DIGEST" previous "$PREVIOUS" \
    previousDigest "$PREVIOUS_DIGEST" state "$1" executor "$JOB_UID" message ""
  untrack_earlier_attempts
}

# already_done STATE: a Job that an engine made again does nothing when its work is done.
already_done() {
  done_state=$(marker_read "$STAGE" state) || die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
  done_digest=$(marker_read "$STAGE" digest) || die 10 "the marker wave-$STAGE cannot be read: $(api_error)"
  [ "$done_state" = "$1" ] && [ "$done_digest" = "$DIGEST" ]
}

previous_is_done() {
  previous_state=$(marker_read "$PREVIOUS" state) && previous_digest=$(marker_read "$PREVIOUS" digest) &&
    [ "$previous_state" = "done" ] && [ "$previous_digest" = "$PREVIOUS_DIGEST" ]
}

# The gate that no engine can take away: the stage before is done, with the digest that the review of this one named.
check_previous() {
  CURRENT_STEP=2
  [ -n "$PREVIOUS" ] || return 0
  wait_for 300 previous_is_done ||
    die 20 "stage $PREVIOUS is '$previous_state' with digest '$previous_digest', wanted done with $PREVIOUS_DIGEST"
  log gate "stage $PREVIOUS is done with the digest that was reviewed"
}

# finish STATE MESSAGE: the marker's last word, nothing of ours left running, the lease given back.
finish() {
  clear_helpers
  marker_must_write state "$1" finished "$(date -u +%Y-%m-%dT%H:%M:%SZ)" message "$2"
  log finished "$2"
  lease_release
  trap - TERM INT
  exit 0
}
