#!/usr/bin/env bash
# Compares the #include lines of src/ with the table of layers (docs/ARCHITECTURE.md). A layer's own
# library links only downward, so an upward *call* fails to link; this catches upward *knowledge*.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bad=0
report() {
  echo "check-layers: $1" >&2
  bad=1
}

# Third-party headers: pattern, then the folders (or files) that may include them.
third_party() {
  local pattern=$1 allowed=$2 hit
  while IFS= read -r hit; do
    [[ ${hit%%:*} =~ ^src/($allowed) ]] || report "$hit: only src/($allowed) may include this"
  done < <(grep -rnE "#include <$pattern" src --include='*.[ch]' || true)
}
third_party 'event2/http\.h'  'surface/'
third_party 'event2/'         'base/|surface/|store/http_client\.c|store/redis_link\.c'
third_party 'uuid/'           'base/'
third_party 'sodium\.h'       'base/'
third_party 'uthash\.h'       'base/|store/'
third_party 'jansson\.h'      'wire/'
third_party 'curl/'           'store/http_'
third_party 'hiredis/'        'store/redis_'
third_party 'sqlite3\.h'      'store/spool_'
third_party 'wslay/'          'store/ws_client\.c'
third_party 'libconfig\.h'    'app/'

# Our own headers: what each layer must not know.
ours() {
  local layer=$1 pattern=$2 hit
  while IFS= read -r hit; do
    report "$hit: $layer must not know this"
  done < <(grep -nE "#include \"sideclaw/($pattern)\.h\"" src/"$layer"/*.[ch] 2>/dev/null || true)
}
wire='value|message_json|memory_clock|jsonrpc|consul_json|gateway_json|agent_json'
store='http_client|gateway_ws|consul_directory|redis_transport|redis_data|redis_memory|spool_sqlite'
domain='registry|router|mailbox|health_board|presence|memory'
surface='operations|mcp'
app='config|app'
ours base    "$wire|$store|$domain|$surface|$app"
ours wire    "$store|$domain|$surface|$app|loop|stream"
ours store   "$domain|$surface|$app"
ours domain  "$wire|$store|$surface|$app|stream"
ours surface "$store|$app"
ours cli     "$store|$domain|$surface|$app|loop|stream"

# No layer reaches into another's folder.
while IFS= read -r hit; do
  report "$hit: a path into another folder"
done < <(grep -rnE '#include "(\.\./|src/)' src --include='*.[ch]' || true)

((bad == 0)) && echo "check-layers: every #include is downward"
exit "$bad"
