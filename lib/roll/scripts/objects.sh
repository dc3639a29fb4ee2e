# shellcheck shell=sh
# Deletes objects one after the other, in the order of the file "removal" of the stage, and annotations of Nodes. It is read
# with "." after nodes.sh.
#
# A line of "removal": STEP|RESOURCE|NAMESPACE|NAME|WAIT, RESOURCE as kubectl takes it (daemonsets.apps), NAMESPACE empty
# for cluster-scoped objects, WAIT yes or no. Objects that are not there are passed over: the Job can be run again.
# shellcheck disable=SC2317,SC2329 # functions are handed to wait_for by name

in_namespace() {
  if [ -n "$1" ]; then printf -- '--namespace=%s' "$1"; else printf -- '--namespace=%s' "$NAMESPACE"; fi
}

# A kind that is no longer served is as good as gone.
object_is_gone() {
  gone_name=$(k get "$1" "$3" "$(in_namespace "$2")" --ignore-not-found -o 'jsonpath={.metadata.name}') || {
    case "$(api_error)" in
      *"the server doesn't have a resource type"*) return 0 ;;
    esac
    return 1
  }
  [ -z "$gone_name" ]
}

delete_object() {
  k delete "$1" "$3" "$(in_namespace "$2")" --ignore-not-found --wait=false >/dev/null && return 0
  case "$(api_error)" in
    *"the server doesn't have a resource type"*) return 0 ;;
  esac
  return 1
}

delete_all() {
  CURRENT_STEP=3
  last_step=
  while IFS='|' read -r object_step object_resource object_namespace object_name object_wait <&4; do
    [ -n "$object_name" ] || continue
    if [ "$object_step" != "$last_step" ]; then
      [ -z "$last_step" ] || marker_must_write message "removed: $last_step"
      log remove "part: $object_step"
      last_step=$object_step
    fi
    wait_for 60 delete_object "$object_resource" "$object_namespace" "$object_name" ||
      die 50 "$object_resource $object_namespace/$object_name cannot be deleted: $(api_error)"
    if [ "$object_wait" = yes ]; then
      wait_for 600 object_is_gone "$object_resource" "$object_namespace" "$object_name" ||
        die 50 "$object_resource $object_namespace/$object_name is still there: a finalizer needs the manager that owns it"
    fi
    log remove "$object_resource $object_namespace/$object_name"
    case "$object_resource" in
      daemonsets.apps)
        wait_for 600 daemonset_pods_are_gone "$object_namespace" "$object_name" ||
          die 50 "pods of DaemonSet $object_namespace/$object_name are still there"
        ;;
    esac
    lease_renew
  done 4<"$STAGE_DIR/removal"
}

daemonset_pods_are_gone() {
  left=$(k get pods -n "$1" \
    -o 'jsonpath={range .items[*]}{.metadata.ownerReferences[?(@.controller==true)].kind}/{.metadata.ownerReferences[?(@.controller==true)].name}{"\n"}{end}') || return 1
  ! printf '%s\n' "$left" | grep -qx "DaemonSet/$2"
}

sources_are_gone() {
  for source_daemonset in $SOURCE_DAEMONSETS; do
    source_seen=$(k get daemonset "$(printf '%s' "$source_daemonset" | cut -d / -f 2)" \
      -n "$(printf '%s' "$source_daemonset" | cut -d / -f 1)" --ignore-not-found -o 'jsonpath={.metadata.name}') || return 1
    [ -z "$source_seen" ] || return 1
  done
  return 0
}

# Annotations that begin with one of the prefixes of the file "annotation-prefixes".
clean_annotations() {
  # shellcheck disable=SC2016 # the variables are those of the template
  annotation_keys=$(k get node "$1" -o 'go-template={{range $key, $value := .metadata.annotations}}{{$key}}{{"\n"}}{{end}}') ||
    die 10 "node $1 cannot be read: $(api_error)"
  while IFS= read -r annotation_prefix; do
    [ -n "$annotation_prefix" ] || continue
    for annotation_key in $annotation_keys; do
      case "$annotation_key" in
        "$annotation_prefix"*)
          k annotate node "$1" "$annotation_key-" --field-manager="$MANAGER" >/dev/null ||
            die 50 "annotation $annotation_key of node $1 cannot be removed: $(api_error)"
          log annotation "$annotation_key is gone"
          ;;
      esac
    done
  done <"$STAGE_DIR/annotation-prefixes"
}
