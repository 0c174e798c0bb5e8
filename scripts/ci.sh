# shellcheck shell=bash
# The steps of scripts/test, each a function, and the counting that ends in one closing line.

SC_PASSED=0 SC_FAILED=0 SC_SKIPPED=0
SC_FAILED_STEPS=()
declare -A SC_BUILT=() SC_BEHIND=()
SC_RESULTS=$SC_ROOT/build/results
SC_INTEGRATION="not openclaw and not world and not mcp and not prometheus and not traefik"

step_begin() { # step_begin NAME
  say ""
  say "${SC_BOLD}== $1${SC_PLAIN}"
  STEP_BEGIN=$SECONDS
}

step_end() { # step_end NAME PASSED FAILED SKIPPED
  SC_PASSED=$((SC_PASSED + $2)) SC_FAILED=$((SC_FAILED + $3)) SC_SKIPPED=$((SC_SKIPPED + $4))
  if [ "$3" -eq 0 ]; then
    say "-- $1: ${SC_GREEN}ok${SC_PLAIN} ($((SECONDS - STEP_BEGIN)) s)"
  else
    say "-- $1: ${SC_RED}FAILED${SC_PLAIN} ($((SECONDS - STEP_BEGIN)) s)"
    SC_FAILED_STEPS+=("$1")
  fi
}

# A step that passes or fails as a whole.
step() { # step NAME COMMAND...
  local name=$1 rc=0
  shift
  step_begin "$name"
  "$@" || rc=$?
  if [ $rc -eq 0 ]; then step_end "$name" 1 0 0; else step_end "$name" 0 1 0; fi
}

results_of() { printf '%s/%s' "$SC_RESULTS" "${1//[^a-z0-9]/-}"; } # results_of STEP

# A step that runs many tests and writes them down as JUnit XML, in $JUNIT.
step_tests() { # step_tests NAME COMMAND...
  local name=$1 rc=0 counts
  shift
  mkdir -p "$SC_RESULTS"
  JUNIT=$(results_of "$name").xml
  [ -n "${SC_BEHIND[$name]:-}" ] || rm -f "$JUNIT"
  step_begin "$name"
  "$@" || rc=$?
  counts=$(python3 "$SC_ROOT/scripts/lib/count_junit.py" "$JUNIT" "$rc")
  # shellcheck disable=SC2086  # three numbers
  step_end "$name" $counts
}

# Tests that mostly wait are begun here, run beside other steps, and are shown by step_behind.
begin_behind() { # begin_behind NAME COMMAND...
  local name=$1
  shift
  mkdir -p "$SC_RESULTS"
  JUNIT=$(results_of "$name").xml
  rm -f "$JUNIT"
  "$@" > "$(results_of "$name").log" 2>&1 &
  SC_BEHIND[$name]=$!
}

step_behind() { step_tests "$1" end_behind "$1"; } # step_behind NAME

end_behind() { # end_behind NAME
  local rc=0
  wait "${SC_BEHIND[$1]}" || rc=$?
  unset "SC_BEHIND[$1]"
  cat "$(results_of "$1").log"
  return $rc
}

# Nothing of ours goes on when the run is cut short.
stop_tree() { # stop_tree PID
  local child
  for child in $(pgrep -P "$1"); do stop_tree "$child"; done
  kill "$1" 2> /dev/null || true
}

stop_behind() {
  local pid
  for pid in "${SC_BEHIND[@]}"; do stop_tree "$pid"; done
}
trap stop_behind EXIT

# --- building ---

ci_build() { # ci_build PRESET
  if ui_quietly "building ($1)" build_preset "$1"; then SC_BUILT[$1]=1; else return 1; fi
}

# Tests of a build that failed did not pass: they count as one failure, with the reason.
built() { # built PRESET
  [ -n "${SC_BUILT[$1]:-}" ] && return 0
  say "not run: the build ($1) failed"
  return 1
}

# --- tests ---

ci_unit() { # ci_unit PRESET
  built "$1" || return 1
  # The directory is tested against a real Consul; without one those tests would only be skipped.
  SIDECLAW_TEST_CONSUL=$(consul_path) || return 1
  export SIDECLAW_TEST_CONSUL
  ( cd "$SC_ROOT" && ctest --preset "$1" -j "$(nproc)" --no-tests=error --output-junit "$JUNIT" )
}

ci_pytest() { # ci_pytest PRESET SLOWNESS MARK [PYTEST-ARGUMENT...]
  local python preset=$1 slow=$2 mark=$3
  shift 3
  built "$preset" || return 1
  python=$(python_with_pytest) || { warn "no python3 with pytest"; return 1; }
  # Nothing here takes three quarters of an hour; something that hangs must not take the whole run with it.
  ( cd "$SC_ROOT/tests/integration" &&
    SIDECLAW_BUILD="$SC_ROOT/build/$preset" SIDECLAW_TEST_SLOW="$slow" PYTHONDONTWRITEBYTECODE=1 \
      timeout -k 20 2700 "$python" -m pytest -q -m "$mark" "$@" --junitxml="$JUNIT" )
}

# Traefik takes long to compile, once: it begins here, MODE install|check, and ci_traefik waits for it.
ci_traefik_begin() { # ci_traefik_begin MODE
  traefik_path > /dev/null && return 0
  if [ "$1" = check ]; then
    warn "missing:"
    warn "  Traefik: $TRAEFIK_VERSION, compiled into $TRAEFIK_DIR"
    warn "  try: run this again without --no-install"
    return 1
  fi
  say "Compiling Traefik $TRAEFIK_VERSION in the background (the first time ten minutes or so)."
  mkdir -p "$SC_RESULTS"
  traefik_install > "$SC_RESULTS/traefik.log" 2>&1 < /dev/null &
  SC_BEHIND[traefik]=$!
}

ci_traefik_wait() { # the compiler's own exit code, and its words when it failed
  local rc=0
  wait "${SC_BEHIND[traefik]}" || rc=$?
  unset "SC_BEHIND[traefik]"
  cat "$SC_RESULTS/traefik.log"
  return $rc
}

ci_traefik() { # ci_traefik PRESET
  if [ -n "${SC_BEHIND[traefik]:-}" ]; then
    ui_quietly "compiling Traefik $TRAEFIK_VERSION" ci_traefik_wait || return 1
  fi
  ci_pytest "$1" 2 traefik -s
}

# --- the gates of CI ---

ci_layers() { "$SC_ROOT/scripts/check-layers.sh"; }

ci_format() { "$SC_ROOT/scripts/format.sh" --check; }

ci_shellcheck() {
  local -a files
  mapfile -t files < <(cd "$SC_ROOT" && find scripts .ci -type f ! -name '*.py' ! -name '*.cmake' ! -name '.*' | sort)
  ( cd "$SC_ROOT" && shellcheck "${files[@]}" )
}

ci_docs() { built dev && "$SC_ROOT/scripts/docs.sh" --check; }

ci_tidy() { # quiet unless something is found
  local log
  built clang || return 1
  log=$(mktemp)
  if ( cd "$SC_ROOT" && run-clang-tidy-14 -quiet -j "$(nproc)" -p build/clang "$SC_ROOT/src/.*" ) > "$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  grep -E 'error:|warning:' "$log"
  rm -f "$log"
  return 1
}

# Other seeds with every commit, and the same ones when a commit is tested again.
ci_sim() {
  local seed
  seed=$(( $(git -C "$SC_ROOT" rev-list --count HEAD 2> /dev/null || echo 1) * 1000 ))
  say "  tests/sim/run --seed $seed --runs 800"
  "$SC_ROOT/tests/sim/run" --seed "$seed" --runs 800 --jobs "$(nproc)" || return 1
  say "  tests/sim/run --mutants: each planted mistake must be noticed"
  "$SC_ROOT/tests/sim/run" --mutants 2> /dev/null
}

ci_fuzz() { "$SC_ROOT/scripts/fuzz-smoke.sh"; }

# What a packager does: release flags, installed into a folder, and the programs run from there.
ci_install() {
  local prefix name size rc=0
  built release || return 1
  prefix=$(mktemp -d)
  ( cd "$SC_ROOT" && cmake --install build/release --prefix "$prefix" --strip > /dev/null ) || rc=1
  for name in sideclawd sideclaw; do
    "$prefix/bin/$name" --version || rc=1
    size=$(stat -c %s "$prefix/bin/$name" 2> /dev/null || echo 0)
    say "  $name: $size bytes"
    if [ "$size" -eq 0 ] || [ "$size" -ge $((2 * 1024 * 1024)) ]; then say "  $name: not under 2 MB"; rc=1; fi
  done
  rm -rf "$prefix"
  return $rc
}

# --- what runs when ---

ci_gates() {
  step "layers" ci_layers
  step "format" ci_format
  step "shellcheck" ci_shellcheck
  step "build with clang" ci_build clang
  step "clang-tidy" ci_tidy
  step "release build" ci_build release
  step "install" ci_install
  step "simulator" ci_sim
}

# The longest two steps wait most of their time, so they run at once.
ci_sanitizers_begin() {
  step "build with sanitizers" ci_build asan
  step_tests "unit tests with sanitizers" ci_unit asan
  begin_behind "integration tests with sanitizers" ci_pytest asan 3 "$SC_INTEGRATION"
}

ci_sanitizers_end() {
  step_behind "integration tests with sanitizers"
  step "fuzz" ci_fuzz
}

# The closing line, alone and last: other programs read it.
ci_close() {
  local line="$SC_PASSED passed, $SC_FAILED failed"
  say ""
  [ ${#SC_FAILED_STEPS[@]} -eq 0 ] || say "failed: $(printf '%s; ' "${SC_FAILED_STEPS[@]}")"
  [ $SC_SKIPPED -eq 0 ] || line="$line, $SC_SKIPPED skipped"
  say "$line"
  [ $SC_FAILED -eq 0 ] && [ $SC_PASSED -gt 0 ]
}
