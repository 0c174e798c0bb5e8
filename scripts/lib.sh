# shellcheck shell=bash
# Sourced by scripts/test, scripts/demo and the others: one small file per job.
SC_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SC_CACHE=${SIDECLAW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sideclaw}
export SC_ROOT SC_CACHE

for sc_part in ui python apt consul openclaw mcp prometheus go traefik install build; do
  # shellcheck source=/dev/null
  . "$SC_ROOT/scripts/lib/$sc_part.sh"
done
unset sc_part
