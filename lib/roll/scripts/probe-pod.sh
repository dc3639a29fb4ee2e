#!/bin/sh
# Runs in the pods of the probe pack, word for word in their templates: they are in the users' namespaces, where no script of
# ours is mounted. Needs sh and agnhost. No parenthesis follows a dollar sign but in sums: the kubelet would look for a
# variable there.
#
#   serve   listens on each of $PORTS (tcp/8080), and says so with a file once every one answers from inside
#   ask     tries each of $TARGETS (p01,allow,tcp,10.244.1.5:8080) until it is as wanted three times in a row, or once for what
#           passes, 12 times at most; then writes a line for each: p01 allow 1 (the verdict, how often it was tried)

# Tests have a place of their own; asked before unset variables are errors.
if [ -z "$MESSAGE_FILE" ]; then MESSAGE_FILE=/dev/termination-log; fi
if [ -z "$WORK_DIR" ]; then WORK_DIR=/tmp; fi
RESULTS=$WORK_DIR/results

set -u

PATH=$PATH:/

# words SEPARATOR TEXT: the parts of a word in A, B, C and D.
words() {
  IFS=$1
  # shellcheck disable=SC2086 # splitting is the point
  set -- $2 - - -
  IFS=' '
  A=$1
  B=$2
  C=$3
  D=$4
}

# reach PROTOCOL ADDRESS:PORT
reach() {
  agnhost connect --timeout=2s --protocol="$1" "$2"
}

listen() {
  if [ "$1" = udp ]; then
    exec agnhost serve-hostname --udp --http=false --port="$2"
  fi
  exec agnhost serve-hostname --tcp --http=false --port="$2"
}

serve() {
  for port in $PORTS; do
    words / "$port"
    listen "$A" "$B" &
  done
  # No policy decides what a pod says to itself: a port that answers here is open, whoever may reach it.
  for port in $PORTS; do
    words / "$port"
    until reach "$A" "127.0.0.1:$B"; do sleep 1; done
  done
  : >"$WORK_DIR/listening"
  wait
}

# try ID WANTED PROTOCOL ADDRESS:PORT
try() {
  tries=0
  steady=0
  while [ "$tries" -lt 12 ]; do
    tries=$((tries + 1))
    if reach "$3" "$4"; then seen=allow; else seen=deny; fi
    if [ "$seen" = "$2" ]; then steady=$((steady + 1)); else steady=0; fi
    if [ "$steady" -ge 3 ]; then break; fi
    if [ "$steady" -ge 1 ] && [ "$seen" = allow ]; then break; fi
    sleep 2
  done
  printf '%s %s %s\n' "$1" "$seen" "$tries" >"$RESULTS/$1"
}

# try_all WANTED: all at once.
try_all() {
  for target in $TARGETS; do
    words , "$target"
    if [ "$B" = "$1" ]; then try "$A" "$B" "$C" "$D" & fi
  done
  wait
}

# What must pass goes first: when it does, this pod is known everywhere, and what does not pass is denied and not early.
ask() {
  mkdir -p "$RESULTS"
  try_all allow
  sleep 5
  try_all deny
  cat "$RESULTS"/* >"$MESSAGE_FILE"
}

if ! command -v agnhost >/dev/null; then
  echo "the probe image has no agnhost" >"$MESSAGE_FILE"
  exit 1
fi
case "$1" in
  serve) serve ;;
  ask) ask ;;
esac
