#!/bin/sh
# Puts the old network's CNI file back in its place and takes Cilium's away. Runs in a short-lived pod on one node: no
# capability, root, may write in the CNI directory only.
#
# Refuses while the agent still cares for CNI files: it would rename the old file again at once. There is no moment
# without a file: the old one is back before Cilium's goes.

set -u
[ -n "$(printenv CONF_DIR)" ] || CONF_DIR=/host/cni
CONF_FILE=05-cilium.conflist

say() {
  printf '%s\n' "$1"
}

agent_leaves_files_alone() {
  file_state=$(cilium-dbg status -o 'jsonpath={.cni-file.state}' 2>/dev/null)
  [ "$file_state" = Disabled ]
}

# At a restart of the old network's own pod the renamed file is empty for a moment: an empty one is never put back.
put_back() {
  for backup in "$CONF_DIR"/*.cilium_bak; do
    [ -s "$backup" ] || continue
    original=$(printf '%s' "$backup" | sed 's/\.cilium_bak$//')
    case "$original" in
      */05-cilium.*) continue ;;
    esac
    [ ! -s "$original" ] || continue
    mv "$backup" "$original" || return 1
    say "$(basename "$original") is back"
  done
  return 0
}

# A configuration of another plugin, not empty, that the runtime will take.
other_file() {
  for conf in "$CONF_DIR"/*.conf "$CONF_DIR"/*.conflist; do
    [ -s "$conf" ] || continue
    case "$conf" in
      */05-cilium.*) continue ;;
    esac
    printf '%s' "$conf"
    return 0
  done
  return 1
}

tries=0
until agent_leaves_files_alone; do
  tries=$((tries + 1))
  if [ "$tries" -ge 40 ]; then
    say "the agent still cares for CNI files (state '$file_state'): it did not take the CiliumNodeConfig of the way back"
    exit 1
  fi
  sleep 3
done
tries=0
until put_back && other=$(other_file); do
  tries=$((tries + 1))
  if [ "$tries" -ge 40 ]; then
    say "no file of the old network is there to put back: restart its pod on this node, so that it writes one, and try again"
    exit 1
  fi
  sleep 3
done
rm -f "$CONF_DIR/$CONF_FILE" || exit 1
say "$(basename "$other") is in force, $CONF_FILE is gone"
