# shellcheck shell=sh
# shellcheck disable=SC2317,SC2329 # functions are handed to wait_for and probe_pods by name
# The probe pack: pods of ours that policy takes for the users' own speak to each other, and each verdict is compared with the
# one that the proof expects. It is read with "." after nodes.sh.
#
# The stage's folder holds
#   probe-pods   ID|caller or listener|namespace|Job    ID.yaml is the Job; every Job ends and goes by itself
#   probes       ID|caller|listener|protocol|port|family|verdict|what it is|what decides
# A run that was broken off leaves nothing that the next one does not clear first: it starts anew.

# --- pods ---------------------------------------------------------------------------------------------------------------

# probe_pods FUNCTION [ROLE]: calls the function with ID NAMESPACE JOB for each pod of the pack; fails if it failed for any.
probe_pods() {
  probe_result=0
  while IFS='|' read -r probe_id probe_role probe_ns probe_job <&3; do
    [ "$probe_role" = "$2" ] || [ -z "$2" ] || continue
    "$1" "$probe_id" "$probe_ns" "$probe_job" || probe_result=1
  done 3<"$STAGE_DIR/probe-pods"
  return "$probe_result"
}

probe_delete() {
  k delete job "$3" -n "$2" --ignore-not-found --wait=false >/dev/null
}

# PROBES_LEFT: pods that are still there.
probe_is_gone() {
  probe_left=$(k get pods -n "$2" -l "job-name=$3" -o 'jsonpath={.items[*].metadata.name}') || return 1
  [ -z "$probe_left" ] || PROBES_LEFT="$PROBES_LEFT $2/$probe_left"
}

probes_are_gone() {
  PROBES_LEFT=
  probe_pods probe_delete "" && probe_pods probe_is_gone "" && [ -z "$PROBES_LEFT" ]
}

clear_probes() {
  wait_for 180 probes_are_gone || log probes "pods of the pack are still there:$PROBES_LEFT $(api_error)"
}

# A pack that cannot go on is taken away before the script ends.
probes_die() {
  probes_why=$2
  clear_probes
  die "$1" "$probes_why"
}

# A pod that is never ready still counts for some budgets: none may stay because somebody stopped the Job.
probes_on_term() {
  probe_pods probe_delete ""
  on_term
}

# probe_start ID NAMESPACE JOB [TARGETS]
probe_start() {
  sed "s|@TARGETS@|$4|g" "$STAGE_DIR/$1.yaml" | k_input create -f - --validate=false --field-manager="$MANAGER" >/dev/null
}

# --- listeners ----------------------------------------------------------------------------------------------------------

start_listener() {
  probe_start "$1" "$2" "$3" "" || probes_die 10 "job $3 cannot be made in namespace $2: $(api_error)"
}

# Writes the addresses of a listener whose container says that every port answers; names it in PROBES_WAIT until then.
listener_is_there() {
  [ ! -s "$WORK_DIR/listener-$1" ] || return 0
  probe_line=$(k get pods -n "$2" -l "job-name=$3" \
    -o 'jsonpath={range .items[*]}{.status.containerStatuses[*].ready}|{.status.podIPs[*].ip}|{.status.phase} {.status.reason} {.status.containerStatuses[*].state.waiting.reason} {.status.containerStatuses[*].state.terminated.message}{"\n"}{end}') || return 1
  case "$probe_line" in
    true\|?*) printf '%s' "$probe_line" | cut -d '|' -f 2 >"$WORK_DIR/listener-$1" ;;
    *)
      [ -n "$probe_line" ] || probe_line="||no pod: see kubectl describe job"
      PROBES_WAIT="$PROBES_WAIT $2/$3($(printf '%s' "$probe_line" | cut -d '|' -f 3- | tr -s ' \n' ' '))"
      ;;
  esac
}

listeners_are_there() {
  PROBES_WAIT=
  probe_pods listener_is_there listener && [ -z "$PROBES_WAIT" ]
}

# listener_address ID FAMILY: ADDRESS, in brackets where it needs them; empty when the pod has none of the family.
listener_address() {
  ADDRESS=
  IFS= read -r listener_addresses <"$WORK_DIR/listener-$1"
  for address in $listener_addresses; do
    case "$2/$address" in
      6/*:*) ADDRESS="[$address]" ;;
      4/*:*) ;;
      4/*) ADDRESS=$address ;;
    esac
  done
}

# --- callers ------------------------------------------------------------------------------------------------------------

start_caller() {
  caller_targets=
  while IFS='|' read -r target_id target_caller target_listener target_protocol target_port target_family target_wanted _ <&4; do
    [ "$target_caller" = "$1" ] || continue
    listener_address "$target_listener" "$target_family"
    [ -n "$ADDRESS" ] || probes_die 60 "the pod of $target_listener has no IPv$target_family address"
    caller_targets="$caller_targets $target_id,$target_wanted,$target_protocol,$ADDRESS:$target_port"
  done 4<"$STAGE_DIR/probes"
  probe_start "$1" "$2" "$3" "$caller_targets" || probes_die 10 "job $3 cannot be made in namespace $2: $(api_error)"
}

# Writes what a caller found, once it has ended: what its container left as its last words.
caller_has_ended() {
  [ ! -s "$WORK_DIR/caller-$1" ] || return 0
  caller_line=$(k get pods -n "$2" -l "job-name=$3" \
    -o 'jsonpath={range .items[*]}{.status.phase}|{.status.containerStatuses[*].state.waiting.reason}{"\n"}{.status.containerStatuses[*].state.terminated.message}{"\n"}{end}') || return 1
  case "$caller_line" in
    Succeeded\|*) printf '%s\n' "$caller_line" | sed 1d >"$WORK_DIR/caller-$1" ;;
    Failed\|*) probes_die 60 "job $3 in namespace $2 ended badly: $(printf '%s' "$caller_line" | tr '\n' ' ')" ;;
    *)
      [ -n "$caller_line" ] || caller_line="no pod: see kubectl describe job"
      PROBES_WAIT="$PROBES_WAIT $2/$3($(printf '%s' "$caller_line" | tr -s '| \n' ' '))"
      ;;
  esac
}

callers_have_ended() {
  PROBES_WAIT=
  probe_pods caller_has_ended caller && [ -z "$PROBES_WAIT" ]
}

# --- the table ----------------------------------------------------------------------------------------------------------

# Prints every probe on a line, and counts.
judge_probes() {
  cat "$WORK_DIR"/caller-* >"$WORK_DIR/verdicts"
  PROBES_COUNT=0
  PROBES_WRONG=
  printf '%-5s %-6s %-6s %-6s %s\n' probe wanted seen tries packet
  while IFS='|' read -r row_id _ _ _ _ _ row_wanted row_packet row_rule <&3; do
    row_line=$(grep "^$row_id " "$WORK_DIR/verdicts")
    row_seen=$(printf '%s' "$row_line" | cut -d ' ' -f 2)
    row_tries=$(printf '%s' "$row_line" | cut -d ' ' -f 3)
    [ -n "$row_seen" ] || row_seen=nothing
    PROBES_COUNT=$((PROBES_COUNT + 1))
    row_mark=
    if [ "$row_seen" != "$row_wanted" ]; then
      row_mark='  <-- WRONG'
      PROBES_WRONG="$PROBES_WRONG; $row_id $row_packet: wanted $row_wanted by $row_rule, seen $row_seen"
    fi
    printf '%-5s %-6s %-6s %-6s %s, by %s%s\n' "$row_id" "$row_wanted" "$row_seen" "$row_tries" "$row_packet" "$row_rule" "$row_mark"
  done 3<"$STAGE_DIR/probes"
}

# run_probes: the whole pack; the script ends here when a verdict is not the expected one.
run_probes() {
  clear_probes
  trap probes_on_term TERM INT
  probe_pods start_listener listener
  wait_for 300 listeners_are_there || probes_die 60 "pods of the pack do not listen:$PROBES_WAIT $(api_error)"
  probe_pods start_caller caller
  wait_for 300 callers_have_ended || probes_die 60 "pods of the pack do not end:$PROBES_WAIT $(api_error)"
  judge_probes
  clear_probes
  trap on_term TERM INT
  [ -z "$PROBES_WRONG" ] || die 63 "not as expected$PROBES_WRONG"
  marker_must_write probes "$PROBES_COUNT of $PROBES_COUNT as expected"
  log probes "$PROBES_COUNT of $PROBES_COUNT connections are decided as expected"
}
