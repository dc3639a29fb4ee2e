#!/bin/sh
# Keeps old and new pods talking with their own addresses, on this node, as long as both networks run.
# Runs in the DaemonSet metachron-bridge: host network, privileged, no CNI needed. Looks once a second.
#
#   bridge.sh keep     puts the rules in place and keeps them there
#   bridge.sh remove   takes them away and keeps them away (the way back)
#   bridge.sh ready    for the readiness probe: the last look, not older than 10 s, found everything right
#
# For each pair of an old and a new prefix of one family:
#   nat POSTROUTING  -s NEW -d OLD -j ACCEPT   first: no SNAT, so that the old pod's policy engine sees who really calls
#   nat POSTROUTING  -s OLD -d NEW -j ACCEPT   first: no SNAT, so that Cilium sees an old pod as "unmanaged", not "world"
#   filter FORWARD   -s NEW -d OLD -j ACCEPT   right after the jump to the old network's policy chain, which decides
#                                              first, and before KUBE-FORWARD: the path is asymmetric, conntrack calls
#                                              the answer INVALID, and kube-proxy would drop it
# and rp_filter 1 -> 2 on the devices over which such packets arrive: the strict form drops what came the other way.
#
# Rules stay when this pod stops: a rolling update or an eviction must not open or close anything. They change in one
# iptables-restore transaction per table, so there is no moment without them. The backend (nft or legacy) is the one that
# holds the old network's rules, whatever the image prefers.

set -u

TAG=metachron-bridge
[ -n "$(printenv STATE_DIR)" ] || STATE_DIR=/run/metachron
[ -n "$(printenv PROC)" ] || PROC=/proc
READY_FILE=$STATE_DIR/ready

say() {
  printf '{"node":"%s","event":"%s","message":"%s"}\n' "$NODE_NAME" "$1" "$2"
}

uptime_seconds() {
  IFS=. read -r uptime_now _ <"$PROC/uptime"
  printf '%s' "$uptime_now"
}

# --- backend ------------------------------------------------------------------------------------------------------------

# count_rules PROGRAM PATTERN: how many lines of this backend match. The save programs only read: the legacy one does not
# load a table that is not in use.
count_rules() {
  if ! command -v "$1-save" >/dev/null 2>&1; then
    echo 0
    return 0
  fi
  "$1-save" 2>/dev/null | grep -c -e "$2"
  return 0
}

# backend_of 4|6: the old network's chains decide; then those of kubelet and kube-proxy; then nft.
backend_of() {
  case "$1" in
    4) program=iptables ;;
    *) program=ip6tables ;;
  esac
  for pattern in "$SOURCE_CHAINS" KUBE-; do
    [ -n "$pattern" ] || continue
    nft_count=$(count_rules "$program-nft" "$pattern")
    legacy_count=$(count_rules "$program-legacy" "$pattern")
    if [ "$((nft_count + legacy_count))" -gt 0 ]; then
      if [ "$legacy_count" -gt "$nft_count" ]; then program=$program-legacy; else program=$program-nft; fi
      printf '%s' "$program"
      return 0
    fi
  done
  if command -v "$program-nft" >/dev/null 2>&1; then program=$program-nft; fi
  printf '%s' "$program"
}

# --- rules --------------------------------------------------------------------------------------------------------------

# The rules as "iptables -S" prints them, without the chain.
rule() {
  printf -- '-s %s -d %s -m comment --comment %s -j ACCEPT\n' "$1" "$2" "$TAG"
}

family_of() {
  case "$1" in
    *:*) printf 6 ;;
    *) printf 4 ;;
  esac
}

# wanted 4|6 nat|filter: the rules of one family and table, in their order.
wanted() {
  for old in $OLD_CIDRS; do
    for new in $NEW_CIDRS; do
      [ "$(family_of "$old")$(family_of "$new")" = "$1$1" ] || continue
      rule "$new" "$old"
      [ "$2" = filter ] || rule "$old" "$new"
    done
  done
}

# chain PROGRAM TABLE CHAIN: its rules without "-A CHAIN ", one a line.
chain() {
  "$1" -w 5 -t "$2" -S "$3" 2>/dev/null | sed -n "s/^-A $3 //p" | sed "s/--comment \"$TAG\"/--comment $TAG/"
}

# line_of PATTERN: number of the first matching line of the input; 0 when there is none.
line_of() {
  found_line=$(grep -n -e "$1" | sed -n 1p | cut -d : -f 1)
  [ -n "$found_line" ] || found_line=0
  printf '%s' "$found_line"
}

# put PROGRAM TABLE CHAIN PLACE RULES: one transaction that takes our rules out of the chain and puts RULES at PLACE,
# counted without ours. Its text is made first: the legacy restore holds the lock that listing a chain needs.
put() {
  put_text=$({
    printf '*%s\n' "$2"
    chain "$1" "$2" "$3" | grep -e "--comment $TAG " | sed "s/^/-D $3 /"
    put_place=$4
    printf '%s\n' "$5" | while IFS= read -r put_rule; do
      [ -n "$put_rule" ] || continue
      printf -- '-I %s %s %s\n' "$3" "$put_place" "$put_rule"
      put_place=$((put_place + 1))
    done
    printf 'COMMIT\n'
  })
  printf '%s\n' "$put_text" | "$1-restore" -w 5 --noflush
}

# keep_nat 4|6 PROGRAM: ours are the first rules of nat POSTROUTING.
keep_nat() {
  nat_wanted=$(wanted "$1" nat)
  nat_chain=$(chain "$2" nat POSTROUTING)
  nat_count=$(printf '%s\n' "$nat_wanted" | grep -c .)
  nat_tagged=$(printf '%s\n' "$nat_chain" | grep -c -e "--comment $TAG ")
  [ "$(printf '%s\n' "$nat_chain" | head -n "$nat_count")" = "$nat_wanted" ] && [ "$nat_tagged" = "$nat_count" ] && return 0
  put "$2" nat POSTROUTING 1 "$nat_wanted" || return 1
  say rules "$2: nat POSTROUTING set right"
}

# keep_forward 4|6 PROGRAM: ours follow the jump to the old network's policy chain; without one they are first.
# Where the policy chain is missing although the old network has policies, old pods are not protected at all: nothing is
# accepted past it then, and the node is not ready.
keep_forward() {
  forward_wanted=$(wanted "$1" filter)
  forward_chain=$(chain "$2" filter FORWARD)
  forward_others=$(printf '%s\n' "$forward_chain" | grep -v -e "--comment $TAG ")
  policy_line=0
  if [ -n "$POLICY_CHAIN" ]; then
    policy_line=$(printf '%s\n' "$forward_others" | line_of "-j $POLICY_CHAIN\$")
    if [ "$policy_line" = 0 ]; then
      [ "$forward_chain" = "$forward_others" ] || put "$2" filter FORWARD 1 ""
      say waiting "$2: FORWARD has no jump to $POLICY_CHAIN"
      return 1
    fi
  fi
  forward_right=$({
    printf '%s\n' "$forward_others" | head -n "$policy_line"
    printf '%s\n' "$forward_wanted"
    printf '%s\n' "$forward_others" | tail -n +"$((policy_line + 1))"
  } | grep .)
  if [ "$(printf '%s\n' "$forward_chain" | grep .)" != "$forward_right" ]; then
    put "$2" filter FORWARD "$((policy_line + 1))" "$forward_wanted" || return 1
    say rules "$2: filter FORWARD set right"
  fi
  others_are_behind
}

# Neither kube-proxy's drop of INVALID nor Cilium's wholesale accept may stand before the policy chain and our rules. This
# script does not move them: kube-proxy and the agent put them there, Felix moves its own chain up again.
others_are_behind() {
  for other in KUBE-FORWARD CILIUM_FORWARD; do
    other_line=$(printf '%s\n' "$forward_others" | line_of "-j $other\$")
    if [ "$other_line" -gt 0 ] && [ "$other_line" -le "$policy_line" ]; then
      say waiting "FORWARD: $other stands before $POLICY_CHAIN"
      return 1
    fi
  done
  return 0
}

# --- rp_filter ----------------------------------------------------------------------------------------------------------

# The devices over which packets of the other network arrive; the word "default" stands for those of default routes.
arrival_devices() {
  for device in $ARRIVAL_DEVICES; do
    if [ "$device" = default ]; then
      tr '\t' ' ' <"$PROC/net/route" | sed -n 's/^\([^ ]*\) 00000000 .*/\1/p'
    else
      printf '%s\n' "$device"
    fi
  done
}

loosen() {
  for device in $(arrival_devices); do
    filter_file=$PROC/sys/net/ipv4/conf/$device/rp_filter
    [ "$(cat "$filter_file" 2>/dev/null)" = 1 ] || continue
    : >"$STATE_DIR/loosened.$device"
    echo 2 >"$filter_file" || return 1
    say rp_filter "$device: 1 -> 2"
  done
  return 0
}

tighten() {
  for loosened in "$STATE_DIR"/loosened.*; do
    [ -e "$loosened" ] || continue
    device=$(printf '%s' "$loosened" | sed 's|.*/loosened\.||')
    filter_file=$PROC/sys/net/ipv4/conf/$device/rp_filter
    [ ! -e "$filter_file" ] || echo 1 >"$filter_file" || return 1
    rm -f "$loosened"
    say rp_filter "$device: 2 -> 1"
  done
  return 0
}

# --- one look -----------------------------------------------------------------------------------------------------------

families() {
  for family in 4 6; do
    [ -z "$(wanted "$family" nat)" ] || printf '%s ' "$family"
  done
}

# choose_backends: asked at the start, once a minute, and whenever something is not right: the old network may not have
# written its rules when this pod starts. Not at each look, because it lists every table there is.
choose_backends() {
  PROGRAM4=
  PROGRAM6=
  for family in $FAMILIES; do
    case "$family" in
      4) PROGRAM4=$(backend_of 4) ;;
      *) PROGRAM6=$(backend_of 6) ;;
    esac
  done
}

keep() {
  keep_result=0
  if [ "$((LOOKS % 60))" -eq 0 ] || [ "$LAST" != right ]; then choose_backends; fi
  loosen || keep_result=1
  for family in $FAMILIES; do
    if [ "$family" = 4 ]; then program=$PROGRAM4; else program=$PROGRAM6; fi
    keep_nat "$family" "$program" || keep_result=1
    keep_forward "$family" "$program" || keep_result=1
  done
  return "$keep_result"
}

remove() {
  remove_result=0
  for program in iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy; do
    [ "$(count_rules "$program" "--comment \"*$TAG\"* ")" -gt 0 ] || continue
    put "$program" nat POSTROUTING 1 "" && put "$program" filter FORWARD 1 "" || remove_result=1
    say rules "$program: removed"
  done
  tighten || remove_result=1
  return "$remove_result"
}

ready() {
  [ -e "$READY_FILE" ] || return 1
  [ "$(($(uptime_seconds) - $(cat "$READY_FILE")))" -le 10 ]
}

run() {
  mkdir -p "$STATE_DIR"
  FAMILIES=$(families)
  say started "$1: old [$OLD_CIDRS] new [$NEW_CIDRS]"
  trap 'say stopped "the rules stay as they are"; exit 0' TERM INT
  LOOKS=0
  LAST=
  while :; do
    if "$1"; then
      uptime_seconds >"$READY_FILE"
      LAST=right
    else
      rm -f "$READY_FILE"
      LAST=wrong
    fi
    LOOKS=$((LOOKS + 1))
    if [ "$ONCE" = yes ]; then
      ready
      exit
    fi
    sleep 1
  done
}

[ -n "$(printenv ONCE)" ] || ONCE=no
case "$1" in
  keep | remove) run "$1" ;;
  ready) ready ;;
  *) exit 2 ;;
esac
