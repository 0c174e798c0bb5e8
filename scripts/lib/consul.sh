# shellcheck shell=bash
# Consul: from PATH, else Debian's own package, unpacked into the cache and not installed. Bookworm
# dropped it, so it is taken from the suite before (bullseye: 1.8.7) of the mirror this machine uses.

CONSUL_SUITE=bullseye
CONSUL_DIR=$SC_CACHE/consul

consul_path() { # prints the program, or fails
  command -v consul && return 0
  [ -x "$CONSUL_DIR/usr/bin/consul" ] && printf '%s\n' "$CONSUL_DIR/usr/bin/consul"
}

# apt itself names the mirror, whichever style its source lists are in.
consul_mirror() {
  # shellcheck disable=SC2016  # these are apt's variables, not the shell's
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk '$3 == "main" && $2 !~ /[-\/]/ { print $1; exit }'
}

consul_fetch() { # consul_fetch DEST   needs no root: lists and cache are its own
  local dest=$1 work mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$(consul_mirror) || return 1
  [ -n "$mirror" ] || { echo "apt has no source for Debian's main component"; return 1; }
  work=$(mktemp -d) || return 1
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  [ -r "$keyring" ] && keyring="[signed-by=$keyring] " || keyring=''
  echo "deb $keyring$mirror $CONSUL_SUITE main" > "$work/sources.list"
  local -a opts=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache")
  [ "$(id -u)" -ne 0 ] || opts+=(-o APT::Sandbox::User=root) # _apt cannot write to our folder
  ( cd "$work" && apt-get "${opts[@]}" -qq update && apt-get "${opts[@]}" -qq download consul &&
    mkdir "$work/out" && dpkg -x consul_*.deb "$work/out" && "$work/out/usr/bin/consul" version &&
    mkdir -p "$(dirname "$dest")" && rm -rf "$dest" && mv "$work/out" "$dest" )
  local rc=$?
  rm -rf "$work"
  return $rc
}

consul_install() {
  consul_fetch "$CONSUL_DIR" && return 0
  echo "could not fetch Consul; trying once more in 5 s"
  sleep 5
  consul_fetch "$CONSUL_DIR" && return 0
  echo "try: install Consul by your own means and put it on PATH"
  return 1
}
