#!/bin/sh
# Takes away what the old network left on this node, and nothing else. Runs in a privileged pod on the host network with
# the host's root at /host, in the last stage of the migration.
#
#   node-clean.sh DIRECTORY     with the lists of what belongs to the old network, one entry a line:
#     chain-prefixes     iptables chains that begin so, and every rule that jumps to one
#     rule-tags          rules whose comment begins so, wherever they stand
#     portmap-networks   hostPort and masquerade chains of these CNI networks, known by the comment of their rules
#     nft-tables         whole nft tables of these names
#     ipset-prefixes     sets that begin so
#     devices            devices of these names; a trailing + stands for anything
#     files              files and folders of the host
#
# Each iptables table changes in one transaction, on both backends and for both families: either all of it or nothing.
# Order: rules and chains, then sets (rules hold them), nft tables, devices, files. What other programs own is not flushed.

set -u
LISTS=$1
TAG=metachron-bridge
[ -n "$(printenv HOST_ROOT)" ] || HOST_ROOT=/host
[ -n "$(printenv TMP_DIR)" ] || TMP_DIR=/tmp
RESULT=0

say() {
  printf '%s\n' "$1"
}

fail() {
  say "FAILED: $1"
  RESULT=1
}

# entries LIST: its lines without empty ones.
entries() {
  [ ! -e "$LISTS/$1" ] || grep . "$LISTS/$1"
}

# literal TEXT: the text as a basic regular expression that matches it to the letter.
literal() {
  printf '%s' "$1" | sed 's/[][\.*^$/]/\\&/g'
}

# --- iptables -----------------------------------------------------------------------------------------------------------

# chain_pattern: a regular expression for the names of chains that belong to the old network; empty when there are none.
chain_pattern() {
  entries chain-prefixes | while IFS= read -r chain_prefix; do
    printf '%s[^ ]*\\|' "$(literal "$chain_prefix")"
  done | sed 's/\\|$//'
}

# rule_pattern: for rules outside those chains, by the comment that iptables-save prints.
rule_pattern() {
  {
    printf '%s\n' "--comment \"*$TAG"
    entries rule-tags | while IFS= read -r rule_tag; do
      printf '%s\n' "--comment \"*$(literal "$rule_tag")"
    done
  } | sed ':a;N;$!ba;s/\n/\\|/g'
}

# network_chains TABLE-TEXT: chains of the portmap and bridge plugins for the old network's pods.
network_chains() {
  entries portmap-networks | while IFS= read -r network; do
    printf '%s\n' "$1" | grep -e "name: ..*$(literal "$network")..* id: " | sed -n 's/.* -j \(CNI-[^ ]*\)$/\1/p'
  done | grep -vx -e 'CNI-HOSTPORT-.*' | sort -u
}

# transaction TABLE-TEXT: what iptables-restore is to do; empty when there is nothing. Whole files go through grep: a node
# may have tens of thousands of rules of others.
transaction() {
  own=$TMP_DIR/own-chains
  {
    [ -z "$CHAINS" ] || printf '%s\n' "$1" | sed -n 's/^:\([^ ]*\) .*/\1/p' | grep -x -e "$CHAINS"
    network_chains "$1"
  } | sort -u >"$own"
  sed -e 's/[][\.*^$]/\\&/g' -e 's/.*/^-A & /' "$own" >"$own.inside"
  sed -e 's/[][\.*^$]/\\&/g' -e 's/.*/ -[jg] &\\( \\|$\\)/' "$own" >"$own.jumps"
  # Rules in chains of others: jumps to an own chain, or tagged as the old network's.
  printf '%s\n' "$1" | grep '^-A' | grep -v -f "$own.inside" | grep -e "$RULES" -f "$own.jumps" | sed 's/^-A/-D/'
  sed 's/^/-F /' "$own"
  sed 's/^/-X /' "$own"
}

# clean_program PROGRAM: every table of one backend and family.
clean_program() {
  command -v "$1-save" >/dev/null 2>&1 || return 0
  "$1-save" >"$TMP_DIR/saved" 2>/dev/null || return 0
  # shellcheck disable=SC2013 # names of tables, one word each
  for table in $(sed -n 's/^\*//p' "$TMP_DIR/saved"); do
    table_text=$(sed -n "/^\*$table\$/,/^COMMIT/p" "$TMP_DIR/saved")
    transaction "$table_text" >"$TMP_DIR/transaction"
    [ -s "$TMP_DIR/transaction" ] || continue
    if {
      printf '*%s\n' "$table"
      cat "$TMP_DIR/transaction"
      printf 'COMMIT\n'
    } | "$1-restore" -w 5 --noflush 2>"$TMP_DIR/error"; then
      say "$1 $table: $(grep -c '^-D' "$TMP_DIR/transaction") rules and $(grep -c '^-X' "$TMP_DIR/transaction") chains are gone"
    else
      fail "$1 $table: $(tr '\n' ' ' <"$TMP_DIR/error")"
    fi
  done
}

clean_iptables() {
  CHAINS=$(chain_pattern)
  RULES=$(rule_pattern)
  for program in iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy; do
    clean_program "$program"
  done
}

# --- sets and nft tables ------------------------------------------------------------------------------------------------

clean_sets() {
  command -v ipset >/dev/null 2>&1 || return 0
  ipset list -n >"$TMP_DIR/sets" 2>/dev/null || return 0
  entries ipset-prefixes | while IFS= read -r set_prefix; do
    grep -e "^$(literal "$set_prefix")" "$TMP_DIR/sets"
  done >"$TMP_DIR/own-sets"
  # Twice: a set of sets holds others.
  for round in 1 2; do
    while IFS= read -r set_name; do
      ipset list -n "$set_name" >/dev/null 2>&1 || continue
      ipset destroy "$set_name" 2>"$TMP_DIR/error" && say "ipset $set_name is gone" && continue
      [ "$round" = 1 ] || fail "ipset $set_name: $(tr '\n' ' ' <"$TMP_DIR/error")"
    done <"$TMP_DIR/own-sets"
  done
}

# The image may have no nft; the host's is taken then.
run_nft() {
  if command -v nft >/dev/null 2>&1; then
    nft "$@"
  else
    chroot "$HOST_ROOT" nft "$@"
  fi
}

clean_nft() {
  [ -n "$(entries nft-tables)" ] || return 0
  if ! run_nft list tables >"$TMP_DIR/nft" 2>"$TMP_DIR/error"; then
    fail "nft tables cannot be listed: $(tr '\n' ' ' <"$TMP_DIR/error")"
    return
  fi
  entries nft-tables | while IFS= read -r nft_table; do
    sed -n "s/^table \([a-z0-9]* $(literal "$nft_table")\)\$/\1/p" "$TMP_DIR/nft"
  done >"$TMP_DIR/own-nft"
  while IFS= read -r nft_name; do
    # shellcheck disable=SC2086 # family and name
    if run_nft delete table $nft_name; then say "nft table $nft_name is gone"; else fail "nft table $nft_name"; fi
  done <"$TMP_DIR/own-nft"
}

# --- devices ------------------------------------------------------------------------------------------------------------

# Whether a default route of either family leaves by the device: then it is no leftover, whatever its name.
carries_default() {
  { ip route show default && ip -6 route show default; } 2>/dev/null | grep -q " dev $(literal "$1")\\( \\|\$\\)"
}

clean_device() {
  # The other end of a pair goes with it.
  ip link show dev "$1" >/dev/null 2>&1 || return 0
  if carries_default "$1"; then
    fail "device $1 carries the default route: it is left alone"
  elif ip link delete "$1" 2>"$TMP_DIR/error"; then
    say "device $1 is gone"
  elif ip address flush dev "$1" && ip link set "$1" down; then
    # tunl0 belongs to its kernel module and stays as long as that is loaded.
    say "device $1 cannot be deleted ($(tr '\n' ' ' <"$TMP_DIR/error")): it is down and has no address"
  else
    fail "device $1: $(tr '\n' ' ' <"$TMP_DIR/error")"
  fi
}

clean_devices() {
  ip -o link show | sed -n 's/^[0-9]*: \([^:@]*\)[:@].*/\1/p' >"$TMP_DIR/devices"
  entries devices | while IFS= read -r device_pattern; do
    case "$device_pattern" in
      *+) grep -e "^$(literal "$(printf '%s' "$device_pattern" | sed 's/+$//')")" "$TMP_DIR/devices" ;;
      *) grep -xF -e "$device_pattern" "$TMP_DIR/devices" ;;
    esac
  done | sort -u >"$TMP_DIR/own-devices"
  while IFS= read -r device; do
    clean_device "$device"
  done <"$TMP_DIR/own-devices"
}

# rp_filter that the bridge loosened, on devices that are still there.
clean_rp_filter() {
  for loosened in "$HOST_ROOT"/run/metachron/loosened.*; do
    [ -e "$loosened" ] || continue
    device=$(printf '%s' "$loosened" | sed 's|.*/loosened\.||')
    [ ! -e "/proc/sys/net/ipv4/conf/$device/rp_filter" ] || echo 1 >"/proc/sys/net/ipv4/conf/$device/rp_filter"
    say "rp_filter of $device is 1 again"
  done
  rm -rf "$HOST_ROOT/run/metachron"
}

# --- files --------------------------------------------------------------------------------------------------------------

# Folders that others use, however they came into the list; and what is not a plain absolute path.
is_safe_path() {
  case "$1" in
    *..* | *"*"* | *"?"* | *" "* | *//* | */) return 1 ;;
    /etc/cni/net.d/05-cilium* | /etc/cni/net.d | /etc/cni | /opt/cni/bin | /opt/cni | /var/lib/cni | /var/lib/cni/networks) return 1 ;;
    /var/lib/kubelet* | /etc/kubernetes* | /var/lib/cilium* | /run/cilium* | /var/run/cilium* | /var/lib/etcd*) return 1 ;;
    /etc/?* | /opt/?*/?*/?* | /run/?* | /var/run/?* | /var/lib/?* | /var/log/?* | /var/snap/?*/?*) return 0 ;;
  esac
  return 1
}

clean_files() {
  entries files >"$TMP_DIR/files"
  while IFS= read -r path; do
    if ! is_safe_path "$path"; then
      fail "$path: not deleted, others may use it"
    elif chroot "$HOST_ROOT" test -e "$path"; then
      if chroot "$HOST_ROOT" rm -rf "$path"; then say "$path is gone"; else fail "$path"; fi
    fi
  done <"$TMP_DIR/files"
}

clean_iptables
clean_sets
clean_nft
clean_devices
clean_rp_filter
clean_files
[ "$RESULT" = 0 ] || say "the node is not clean"
exit "$RESULT"
