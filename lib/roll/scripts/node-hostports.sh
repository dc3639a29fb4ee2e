#!/bin/sh
# Deletes hostPort rules that lead to a pod that is no longer on this node. Runs in a pod on the host network with
# NET_ADMIN only.
#
#   node-hostports.sh LIVE      LIVE: addresses of the node's living pods, each with a comma behind it
#
# The portmap plugin keeps one chain CNI-DN-… per pod, jumped to from CNI-HOSTPORT-DNAT. After a switch the runtime takes
# the old sandbox down with the new configuration, so the old pod's entry stays, in front of the new one (measured): the
# port is dead until the stale entry is gone. Deleted in one transaction per backend; living entries are not touched.

set -u
LIVE=$1

say() {
  printf '%s\n' "$1"
}

# stale_chains SAVED: names of CNI-DN chains whose every DNAT target is not a living pod of this node.
stale_chains() {
  for dn_chain in $(printf '%s\n' "$1" | sed -n 's/^:\(CNI-DN-[^ ]*\) .*/\1/p'); do
    targets=$(printf '%s\n' "$1" | grep -e "^-A $dn_chain .*--to-destination" |
      sed -e 's/.*--to-destination \([^ ]*\).*/\1/' -e 's/^\[\(.*\)\]:[0-9]*$/\1/' -e 's/^\([0-9.]*\):[0-9]*$/\1/')
    dn_lives=no
    for address in $targets; do
      case ",$LIVE" in
        *",$address,"*) dn_lives=yes ;;
      esac
    done
    [ "$dn_lives" = yes ] || printf '%s\n' "$dn_chain"
  done
}

# sweep PROGRAM
sweep() {
  command -v "$1-save" >/dev/null 2>&1 || return 0
  saved=$("$1-save" 2>/dev/null | sed -n '/^\*nat/,/^COMMIT/p')
  stale=$(stale_chains "$saved")
  [ -n "$stale" ] || return 0
  {
    printf '*nat\n'
    for stale_chain in $stale; do
      printf '%s\n' "$saved" | grep -e "^-A .* -j $stale_chain\$" | sed 's/^-A/-D/'
    done
    for stale_chain in $stale; do
      printf -- '-F %s\n-X %s\n' "$stale_chain" "$stale_chain"
    done
    printf 'COMMIT\n'
  } | "$1-restore" -w 5 --noflush || {
    say "$1: the stale entries cannot be deleted"
    return 1
  }
  say "$1: deleted $(printf '%s' "$stale" | tr '\n' ' ')"
}

result=0
for program in iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy; do
  sweep "$program" || result=1
done
exit "$result"
