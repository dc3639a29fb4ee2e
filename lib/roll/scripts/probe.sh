#!/bin/sh
# Runs in pods of the probe image, which needs sh and one of agnhost, curl, wget or nc.
#
#   probe.sh serve             answers on TCP 8080 until the pod is deleted
#   probe.sh connect TARGET…   tries each target until it answers, 60 s each; fails if one does not
#   probe.sh ports HOST PORT…  says "answers PORT" for each TCP port that answers; never fails
#   probe.sh query NAME        asks $METACHRON_PROMETHEUS_URL the query in $METACHRON_QUERY, judged by $METACHRON_JUDGEMENT
#   probe.sh goldpinger        asks $METACHRON_GOLDPINGER_URL for /cluster_health until $METACHRON_HEALTHY_ANSWERS answers in a
#                              row are good, 3 s apart
#
# A target is tcp://HOST:PORT (an IPv6 address in brackets), "api" (the Service of the API server, by address) or "dns" (the
# same by name).

set -u

say() {
  printf '%s\n' "$1"
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# get URL: the body, or a failure when the status is not one of success.
get() {
  if has curl; then
    curl -fsS -m 10 "$1"
  elif has wget; then
    wget -q -T 10 -O - "$1"
  else
    say "the probe image has neither curl nor wget"
    return 1
  fi
}

# reach HOST PORT: whether a TCP connection is set up within 5 s.
reach() {
  if has agnhost || [ -x /agnhost ]; then
    agnhost=agnhost
    has agnhost || agnhost=/agnhost
    case "$1" in
      *:*) "$agnhost" connect --timeout=5s "[$1]:$2" ;;
      *) "$agnhost" connect --timeout=5s "$1:$2" ;;
    esac
  elif has nc; then
    nc -z -w 5 "$1" "$2"
  elif has curl; then
    case "$1" in
      *:*) curl -sS -m 5 -o /dev/null "telnet://[$1]:$2" </dev/null ;;
      *) curl -sS -m 5 -o /dev/null "telnet://$1:$2" </dev/null ;;
    esac
  else
    say "the probe image has none of agnhost, nc and curl"
    return 1
  fi
}

connect() {
  failed=0
  for target in "$@"; do
    case "$target" in
      api) target="tcp://[$KUBERNETES_SERVICE_HOST]:$KUBERNETES_SERVICE_PORT" ;;
      dns) target=tcp://kubernetes.default.svc:443 ;;
    esac
    address=$(printf '%s' "$target" | sed -e 's|^tcp://||' -e 's|:[0-9]*$||' -e 's|^\[||' -e 's|\]$||')
    port=$(printf '%s' "$target" | sed 's|.*:||')
    tries=0
    until reach "$address" "$port" >/tmp/out 2>&1; do
      tries=$((tries + 1))
      if [ "$tries" -ge 20 ]; then
        say "no answer from $target: $(tr '\n' ' ' </tmp/out)"
        failed=1
        break
      fi
      sleep 3
    done
    [ "$tries" -ge 20 ] || say "$target answered after $tries failed tries"
  done
  return "$failed"
}

ports() {
  ports_host=$1
  shift
  for port in "$@"; do
    if reach "$ports_host" "$port" >/tmp/out 2>&1 || reach "$ports_host" "$port" >/tmp/out 2>&1; then say "answers $port"; fi
  done
}

serve() {
  if has agnhost; then
    exec agnhost netexec --http-port=8080 --udp-port=-1
  elif [ -x /agnhost ]; then
    exec /agnhost netexec --http-port=8080 --udp-port=-1
  elif has httpd; then
    mkdir -p /tmp/www
    echo metachron >/tmp/www/index.html
    exec httpd -f -p 8080 -h /tmp/www
  elif has busybox; then
    mkdir -p /tmp/www
    echo metachron >/tmp/www/index.html
    exec busybox httpd -f -p 8080 -h /tmp/www
  fi
  say "the probe image has neither agnhost nor httpd"
  exit 1
}

# "non-empty": a comparison drops what is false, so any answer means true. "non-zero": a plain value, 0 means false.
query() {
  answer=$(get "$METACHRON_PROMETHEUS_URL/api/v1/query?query=$METACHRON_QUERY") || {
    say "$1: Prometheus does not answer"
    return 1
  }
  case "$answer" in
    *'"status":"success"'*) ;;
    *)
      say "$1: Prometheus says $answer"
      return 1
      ;;
  esac
  values=$(printf '%s' "$answer" | tr '{' '\n' | sed -n 's/.*"value":\[[^,]*,"\([^"]*\)"\].*/\1/p')
  [ -n "$values" ] || values=$(printf '%s' "$answer" | sed -n 's/.*"resultType":"scalar","result":\[[^,]*,"\([^"]*\)"\].*/\1/p')
  if [ -z "$values" ]; then
    say "$1: no result"
    return 1
  fi
  if [ "$METACHRON_JUDGEMENT" = non-zero ] && printf '%s\n' "$values" | grep -qx '0'; then
    say "$1: 0"
    return 1
  fi
  say "$1: $(printf '%s' "$values" | tr '\n' ' ')"
}

goldpinger() {
  good=0
  tries=0
  while [ "$tries" -lt 40 ]; do
    tries=$((tries + 1))
    if get "$METACHRON_GOLDPINGER_URL/cluster_health" >/tmp/out 2>&1; then
      good=$((good + 1))
      [ "$good" -lt "$METACHRON_HEALTHY_ANSWERS" ] || {
        say "goldpinger: cluster healthy $good times"
        return 0
      }
    else
      good=0
      say "goldpinger: $(cut -c 1-300 </tmp/out | tr '\n' ' ')"
    fi
    sleep 3
  done
  return 1
}

what=$1
shift
case "$what" in
  serve) serve ;;
  connect) connect "$@" ;;
  ports) ports "$@" ;;
  query) query "$1" ;;
  goldpinger) goldpinger ;;
  *)
    say "unknown: $what"
    exit 1
    ;;
esac
