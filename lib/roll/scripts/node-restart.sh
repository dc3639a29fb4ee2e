#!/bin/sh
# Gives many pods of this node a new sandbox, one after the other; node-recycle.sh says how. Runs in a privileged pod with the
# host's root at /host.
#
#   node-restart.sh NAMESPACE/NAME…
#
# A pod that cannot be stopped does not stop the others: every one of them is without a network now.

set -u
SCRIPTS=$(dirname "$0")
RESULT=0
for pod in "$@"; do
  /bin/sh "$SCRIPTS/node-recycle.sh" "$(printf '%s' "$pod" | cut -d / -f 1)" "$(printf '%s' "$pod" | cut -d / -f 2)" || {
    printf 'FAILED: %s\n' "$pod"
    RESULT=1
  }
done
exit "$RESULT"
