# shellcheck shell=bash
# Traefik: from PATH, else compiled once from its Go module (tests/tools/traefik pins it) into the
# cache. That takes two cores for ten minutes: scripts/test does it beside whatever runs meanwhile.

TRAEFIK_MODULE=$SC_ROOT/tests/tools/traefik
TRAEFIK_VERSION=$(awk '$1 == "github.com/traefik/traefik/v3" { print substr($2, 2) }' "$TRAEFIK_MODULE/go.mod")
TRAEFIK_DIR=$SC_CACHE/traefik-$TRAEFIK_VERSION

traefik_path() { # prints the program, or fails
  command -v traefik && return 0
  [ -x "$TRAEFIK_DIR/traefik" ] && printf '%s\n' "$TRAEFIK_DIR/traefik"
}

traefik_fetch() {
  go_build "$TRAEFIK_MODULE" github.com/traefik/traefik/v3/cmd/traefik "$TRAEFIK_DIR/traefik" &&
    "$TRAEFIK_DIR/traefik" version
}

traefik_install() {
  traefik_fetch && return 0
  echo "could not build Traefik; trying once more in 5 s"
  sleep 5
  traefik_fetch && return 0
  echo "try: install Traefik $TRAEFIK_VERSION by your own means and put it on PATH"
  return 1
}
