#!/bin/sh
# Runs in a short-lived pod on one node: the Cilium image that is there already, no capability, nothing writable. It sees
# two folders of the host, both read-only: the CNI configuration, and the folder with the agent's own socket.
#
#   node-check.sh cilium     the node is on Cilium: the agent says so, the file is on disk, every endpoint is in force
#   node-check.sh endpoints  only the endpoints
#   node-check.sh source     the node is on the old network: the agent leaves CNI files alone, there is none of Cilium's
#   node-check.sh drift      the agent runs with the configuration that the API server has now
#
# Why the agent is asked and not the API server: a CiliumEndpoint says "ready" up to 16 s before the new programs are in
# force (measured); the agent's own list does not. Why twice: a regeneration may start between two looks.

set -u
MODE=$1
[ -n "$(printenv CONF_DIR)" ] || CONF_DIR=/host/cni
CONF_FILE=05-cilium.conflist

say() {
  printf '%s\n' "$1"
}

# The agent writes the file only if the node's CiliumNodeConfig was read at its start: with the chart's customConf no other
# source sets write-cni-conf-when-ready. "Disabled" means: this agent did not see the CiliumNodeConfig.
agent_wrote_file() {
  file_state=$(cilium-dbg status -o 'jsonpath={.cni-file.state}' 2>/dev/null)
  [ "$file_state" = Ok ] || {
    say "agent: CNI file state is '$file_state', wanted Ok"
    return 1
  }
}

# The file is there and sorts before every other one that the runtime would take (Multus in front is meant to be first).
file_is_first() {
  [ -f "$CONF_DIR/$CONF_FILE" ] || {
    say "file: $CONF_FILE is not there"
    return 1
  }
  for conf in "$CONF_DIR"/*.conf "$CONF_DIR"/*.conflist "$CONF_DIR"/*.json; do
    [ -e "$conf" ] || continue
    conf_name=$(basename "$conf")
    case "$conf_name" in
      "$CONF_FILE" | 00-multus.*) continue ;;
    esac
    if [ "$(printf '%s\n%s\n' "$conf_name" "$CONF_FILE" | LC_ALL=C sort | head -n 1)" = "$conf_name" ]; then
      say "file: $conf_name sorts before $CONF_FILE"
      return 1
    fi
  done
}

agent_is_dormant() {
  file_state=$(cilium-dbg status -o 'jsonpath={.cni-file.state}' 2>/dev/null)
  if [ "$file_state" != Disabled ] || [ -e "$CONF_DIR/$CONF_FILE" ]; then
    say "agent: CNI file state is '$file_state'; $CONF_FILE: $(ls "$CONF_DIR/$CONF_FILE" 2>&1)"
    return 1
  fi
}

# Every endpoint is ready, and what is in the datapath is what should apply: same enforcement, same policy revision.
endpoints_in_force() {
  lines=$(cilium-dbg endpoint list -o 'jsonpath={range [*]}{.id}|{.status.state}|{.status.policy.realized.policy-enabled}|{.status.policy.spec.policy-enabled}|{.status.policy.realized.policy-revision}|{.status.policy.spec.policy-revision}|{.status.external-identifiers.k8s-namespace}/{.status.external-identifiers.k8s-pod-name}{"\n"}{end}' 2>/dev/null) || {
    say "agent: the endpoint list cannot be read"
    return 1
  }
  count=0
  bad=
  while IFS='|' read -r id state has wants has_revision wants_revision pod; do
    [ -n "$id" ] || continue
    count=$((count + 1))
    if [ "$state" != ready ] || [ "$has" != "$wants" ] || [ "$has_revision" != "$wants_revision" ]; then
      bad="$bad $id($pod: $state, policy $has of $wants, revision $has_revision of $wants_revision)"
    fi
  done <<LINES
$lines
LINES
  [ -z "$bad" ] || {
    say "endpoints: not in force yet:$bad"
    return 1
  }
  say "endpoints: $count ready, enforcement as it should be"
}

# 0 keys differ between what the agent runs with and the ConfigMap and CiliumNodeConfigs of now.
no_drift() {
  drift=$(cilium-dbg metrics list -p cilium_drift_checker_config_delta 2>/dev/null | grep drift_checker | sed 's/.* //')
  case "$drift" in
    0 | 0.0* | "") [ -n "$drift" ] || say "drift: the agent does not publish the metric" ;;
    *)
      say "drift: $drift keys differ from the ConfigMap"
      return 1
      ;;
  esac
}

look() {
  case "$MODE" in
    cilium) agent_wrote_file && file_is_first && endpoints_in_force ;;
    endpoints) endpoints_in_force ;;
    source) agent_is_dormant ;;
    drift) no_drift && endpoints_in_force ;;
    *) return 1 ;;
  esac
}

[ -n "$(printenv MOST_LOOKS)" ] || MOST_LOOKS=100
# What cannot come true by waiting is not waited for.
[ "$MODE" != source ] || MOST_LOOKS=3
tries=0
good=0
while [ "$tries" -lt "$MOST_LOOKS" ]; do
  tries=$((tries + 1))
  if look; then
    good=$((good + 1))
    [ "$good" -lt 2 ] || exit 0
  else
    good=0
  fi
  sleep 3
done
say "gave up after $tries looks"
exit 1
