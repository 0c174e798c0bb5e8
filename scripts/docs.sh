#!/usr/bin/env bash
# Writes the documents that are views of a table in the code, or with --check says which one is stale.
# usage: scripts/docs.sh [--check] [BUILD_FOLDER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

check=false
[[ ${1:-} == --check ]] && { check=true && shift; }
build=${1:-build/dev}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

"$build/sideclawd" --print-options markdown >"$tmp/CONFIGURATION.md"
"$build/sideclawd" --print-metrics >"$tmp/METRICS.md"
"$build/sideclawd" --print-openapi >"$tmp/openapi.json"
"$build/sideclawd" --print-tools >"$tmp/TOOLS.md"

stale=0
for new in "$tmp"/*; do
  old=docs/${new##*/}
  cmp -s "$new" "$old" && continue
  if $check; then
    echo "docs: $old is stale; run scripts/docs.sh" >&2
    stale=1
  else
    cp "$new" "$old" && echo "docs: wrote $old"
  fi
done
if $check && ((stale == 0)); then echo "docs: generated documents are up to date"; fi
exit "$stale"
