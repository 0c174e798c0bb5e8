# shellcheck shell=bash
# What people see: plain lines when the output is a file or CI, a spinner and colour only on a terminal.

# shellcheck disable=SC2034  # SC_BOLD is for those who source this
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then
  SC_TTY=1 SC_BOLD=$'\e[1m' SC_RED=$'\e[31m' SC_GREEN=$'\e[32m' SC_PLAIN=$'\e[0m'
else
  SC_TTY='' SC_BOLD='' SC_RED='' SC_GREEN='' SC_PLAIN=''
fi

say() { printf '%s\n' "$*"; }
warn() { printf '%s%s%s\n' "$SC_RED" "$*" "$SC_PLAIN" >&2; }
die() { warn "$@"; exit 1; }

# Runs beside a long command until it is killed. It waits with `read -t` on a pipe that never speaks:
# a `sleep` would outlive its shell and hold the caller's output pipe open.
ui_heartbeat() { # ui_heartbeat WHAT
  local begin=$SECONDS pause=2 i=0 never
  local -a spin=('|' '/' '-' "\\")
  exec {never}<> <(:)
  while ! read -r -t "$pause" -u "$never"; do
    if [ -n "$SC_TTY" ]; then
      printf '\r\e[K%s %s (%d s)' "${spin[i++ % 4]}" "$1" $((SECONDS - begin))
      pause=0.2
    elif [ $((SECONDS - begin)) -ge 5 ]; then
      say "… still $1 ($((SECONDS - begin)) s)"
      pause=10
    else
      pause=3
    fi
  done
}

# A step whose own output matters only when it fails: "installing OpenClaw" and the like.
ui_quietly() { # ui_quietly WHAT COMMAND...   WHAT reads well after "still"
  local what=$1 log beat rc=0 begin=$SECONDS
  shift
  log=$(mktemp)
  ui_heartbeat "$what" &
  beat=$!
  "$@" > "$log" 2>&1 < /dev/null || rc=$?
  kill "$beat" 2> /dev/null || true
  wait "$beat" 2> /dev/null || true
  [ -z "$SC_TTY" ] || printf '\r\e[K'
  if [ $rc -eq 0 ]; then
    say "${SC_GREEN}done${SC_PLAIN}: $what ($((SECONDS - begin)) s)"
  else
    warn "failed: $what (exit $rc). The last lines it wrote:"
    tail -n 40 "$log" >&2
  fi
  rm -f "$log"
  return $rc
}
