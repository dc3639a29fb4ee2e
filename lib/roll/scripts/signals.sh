# shellcheck shell=sh
# The user's own signals: Goldpinger and PromQL. It is read with "." after nodes.sh.
#
# Each signal is a template of its own in the stage's folder (signal-*.yaml): a pod on the pod network that asks and ends.

# check_signals WHEN: every signal says yes, or the script ends.
check_signals() {
  for signal in $SIGNALS; do
    signal_node=$(signal_place)
    helper_run 300 "$signal" "$signal-$STAGE" "$signal_node" ||
      die 62 "signal $signal says no ($1); its log is above"
    log signal "$signal says yes ($1)"
  done
}

# Asks from the node at hand, so that the answer itself crosses the network that its pods are on; before the first node
# from the first.
signal_place() {
  if [ -n "$CURRENT_NODE" ]; then
    printf '%s' "$CURRENT_NODE"
  else
    printf '%s' "$NODES" | cut -d ' ' -f 1
  fi
}
