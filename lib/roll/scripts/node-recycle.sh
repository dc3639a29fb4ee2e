#!/bin/sh
# Gives one pod of this node a new sandbox: the kubelet sees that the old one is gone, and starts the same pod again, on
# the network of now. Runs in a privileged pod with the host's root at /host, for the seconds that this takes.
#
#   node-recycle.sh NAMESPACE NAME
#
# Uses the host's own crictl: it fits the runtime, and no image has to bring one.

set -u
NAMESPACE=$1
NAME=$2

say() {
  printf '%s\n' "$1"
}

find_crictl() {
  for candidate in /usr/local/bin/crictl /usr/bin/crictl /opt/bin/crictl /var/lib/rancher/rke2/bin/crictl \
    /var/lib/rancher/k3s/data/current/bin/crictl /snap/microk8s/current/bin/crictl; do
    [ -x "/host$candidate" ] || continue
    printf '%s' "$candidate"
    return 0
  done
  return 1
}

find_socket() {
  for candidate in /run/containerd/containerd.sock /run/k3s/containerd/containerd.sock /run/crio/crio.sock \
    /run/cri-dockerd.sock /var/snap/microk8s/common/run/containerd.sock /run/k0s/containerd.sock; do
    [ -S "/host$candidate" ] || continue
    printf '%s' "$candidate"
    return 0
  done
  return 1
}

crictl=$(find_crictl) || {
  say "the node has no crictl"
  exit 1
}
socket=$(find_socket) || {
  say "the node has no known runtime socket"
  exit 1
}

host_crictl() {
  chroot /host "$crictl" --runtime-endpoint "unix://$socket" --timeout 60s "$@"
}

# crictl takes names as patterns: both ends are fixed, dots are meant as dots.
pattern="^$(printf '%s' "$NAME" | sed 's/\./\\./g')\$"
sandboxes=$(host_crictl pods --namespace "$NAMESPACE" --name "$pattern" --state ready --quiet) || {
  say "crictl cannot list the sandboxes"
  exit 1
}
[ -n "$sandboxes" ] || {
  say "no sandbox of $NAMESPACE/$NAME is running: nothing to do"
  exit 0
}
for sandbox in $sandboxes; do
  host_crictl stopp "$sandbox" || exit 1
  say "stopped sandbox $sandbox of $NAMESPACE/$NAME"
done
