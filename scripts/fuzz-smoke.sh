#!/usr/bin/env bash
# Build the fuzzers and run each for a few seconds from its corpus: fuzz-smoke.sh [SECONDS-EACH]
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
seconds=${1:-5}

ui_quietly "building (fuzz)" build_preset fuzz
mapfile -t fuzzers < <(find "$SC_ROOT/build/fuzz" -path '*/CMakeFiles' -prune -o -type f -name 'fuzz_*' -perm -u+x -print | sort)
[ ${#fuzzers[@]} -gt 0 ] || die "no fuzzers were built (tests/fuzz/fuzz_*.c)"

# New inputs go to a folder of their own: the corpus in the repository grows only by hand.
found=$SC_ROOT/build/fuzz/found
failed=0
for fuzzer in "${fuzzers[@]}"; do
  name=$(basename "$fuzzer")
  short=${name#fuzz_}
  args=()
  mkdir -p "$found/$name" "$found/crashes"
  for corpus in "$SC_ROOT/tests/fuzz/corpus/$short" "$SC_ROOT/tests/fuzz/corpus/$name"; do
    [ ! -d "$corpus" ] || args+=("$corpus")
  done
  [ ${#args[@]} -gt 0 ] || warn "$name: no corpus in tests/fuzz/corpus/$short"
  for dict in "$SC_ROOT/tests/fuzz/$short.dict" "$SC_ROOT/tests/fuzz/$name.dict"; do
    [ ! -f "$dict" ] || args+=("-dict=$dict")
  done
  log=$found/$name.log
  if "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$found/crashes/$name-" "$found/$name" "${args[@]}" > "$log" 2>&1; then
    say "$name: ok, $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s"
  else
    failed=1
    warn "$name: FAILED; the last lines of $log:"
    tail -n 40 "$log" >&2
  fi
done
exit $failed
