#!/usr/bin/env bash
# One look at Nomad and Consul: notes the heartbeat in Consul KV, and alerts another agent on trouble.
# Environment, exit codes and what is written where: SKILL.md beside this file.
set -euo pipefail

: "${AGENT_ID:?set AGENT_ID to the agent that looks}"
NOMAD=${NOMAD_ADDR:-http://127.0.0.1:4646}
CONSUL=${CONSUL_HTTP_ADDR:-http://127.0.0.1:8500}
[[ $CONSUL == *://* ]] || CONSUL=http://$CONSUL # consul's own tools take HOST:PORT, too
KV=$CONSUL/v1/kv/${SIDECLAW_KV_PREFIX:-openclaw}/agents
AGAIN_S=3600   # the same trouble is told again after that
LINES_MAX=20   # of trouble, in one alert

# A token in an argument could be read by everybody on this machine: it goes in by a descriptor.
ask() { # ask HEADER TOKEN CURL_ARGS...
  local header=$1 token=${2//\\/\\\\}
  token=${token//\"/\\\"}
  shift 2
  curl -sS --fail --max-time 10 -K <([ -z "$token" ] || printf 'header = "%s: %s"\n' "$header" "$token") "$@"
}
nomad() { ask X-Nomad-Token "${NOMAD_TOKEN:-}" "$NOMAD$1"; }
consul() { ask X-Consul-Token "${CONSUL_HTTP_TOKEN:-}" "$@"; }
put() { consul -X PUT --data-binary @- -o /dev/null "$KV/$AGENT_ID/$1"; } # put KEY < VALUE
get() { consul "$KV/$AGENT_ID/$1?raw" 2> /dev/null || true; }

# A failed allocation that Nomad has replaced is history; one that should run is trouble.
failed_allocations() {
  local answer
  if ! answer=$(nomad '/v1/allocations?filter=ClientStatus+%3D%3D+%22failed%22&namespace=*' 2> /dev/null); then
    echo "nomad does not answer at $NOMAD"
    return
  fi
  jq -r '.[] | select(.ClientStatus == "failed" and .DesiredStatus == "run")
    | "nomad \(.JobID)/\(.TaskGroup) failed on \(.NodeName // "?") (allocation \(.ID[0:8]))"' <<< "$answer" ||
    echo "nomad answers nonsense at $NOMAD"
}

critical_checks() {
  consul "$CONSUL/v1/health/state/critical" |
    jq -r '.[] | "consul \(if .ServiceName == "" then .Name else .ServiceName end) is critical on \(.Node)"'
}

tell() { # tell TEXT
  local to=${ALERT_AGENT:-} id
  [ -n "$to" ] || { echo "nobody is told: ALERT_AGENT is not set" >&2; return; }
  if command -v sideclaw > /dev/null && sideclaw send --from "$AGENT_ID" --to "$to" "$1" > /dev/null 2>&1; then
    return
  fi
  id=heartbeat-$(date +%s)-$$
  jq -cn --arg to "$to" --arg body "$1" '{to: $to, body: $body}' | put "outbox/$id"
}

now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
if ! checks=$(critical_checks); then
  echo "consul does not answer at $CONSUL: nothing is written" >&2
  exit 75
fi
trouble=$({ failed_allocations; [ -z "$checks" ] || printf '%s\n' "$checks"; } | sort -u | head -n "$LINES_MAX")

before=$(get state)
printf '%s' "${trouble:-ok}" | put state
printf '%s' "$now" | put last_heartbeat

if [ -z "$trouble" ]; then
  [ -z "$before" ] || [ "$before" = ok ] || tell "infra-heartbeat of $AGENT_ID: all is well again ($now)"
  echo ok
  exit 0
fi
last=$(get last_alert)
age=$(($(date +%s) - $(date -d "${last:-1970-01-01}" +%s 2> /dev/null || echo 0)))
if [ "$trouble" != "$before" ] || [ "$age" -ge "$AGAIN_S" ]; then
  tell "infra-heartbeat of $AGENT_ID ($now):
$trouble"
  printf '%s' "$now" | put last_alert
fi
printf '%s\n' "$trouble"
exit 1
