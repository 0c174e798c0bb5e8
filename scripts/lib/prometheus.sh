# shellcheck shell=bash
# Prometheus and promtool: from PATH, else Debian's own package, unpacked into the cache and not
# installed, so that no service starts here. Debian builds it without Consul's service discovery: the
# tests then write down what Consul lists. Compiled from the Go module it takes four minutes.

PROMETHEUS_DIR=$SC_CACHE/prometheus

prometheus_path() { # prints the folder of both programs, or fails
  local found
  if found=$(command -v prometheus) && [ -x "${found%/*}/promtool" ]; then
    printf '%s\n' "${found%/*}"
  elif [ -x "$PROMETHEUS_DIR/usr/bin/prometheus" ]; then
    printf '%s\n' "$PROMETHEUS_DIR/usr/bin"
  else
    return 1
  fi
}

prometheus_fetch() { # prometheus_fetch DEST   needs no root: lists and cache are its own
  local dest=$1 work rc
  work=$(mktemp -d) || return 1
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  local -a opts=(-o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache")
  [ "$(id -u)" -ne 0 ] || opts+=(-o APT::Sandbox::User=root) # _apt cannot write to our folder
  ( cd "$work" && apt-get "${opts[@]}" -qq update && apt-get "${opts[@]}" -qq download prometheus &&
    mkdir out && dpkg -x prometheus_*.deb out && out/usr/bin/prometheus --version &&
    mkdir -p "$(dirname "$dest")" && rm -rf "$dest" && mv out "$dest" )
  rc=$?
  rm -rf "$work"
  return $rc
}

prometheus_install() {
  prometheus_fetch "$PROMETHEUS_DIR" && return 0
  echo "could not fetch Prometheus; trying once more in 5 s"
  sleep 5
  prometheus_fetch "$PROMETHEUS_DIR" && return 0
  echo "try: install prometheus by your own means and put it on PATH"
  return 1
}
