# shellcheck shell=bash
# OpenClaw, pinned, and the Node it needs, from npm into the cache folder.

OPENCLAW_VERSION=2026.9.6
OPENCLAW_NODE_VERSION=24.21.0
OPENCLAW_DIR=$SC_CACHE/openclaw-$OPENCLAW_VERSION

openclaw_path() { # prints the folder, or fails; it gets its name only when complete
  [ -x "$OPENCLAW_DIR/node_modules/node/bin/node" ] &&
    [ -f "$OPENCLAW_DIR/node_modules/openclaw/openclaw.mjs" ] && printf '%s\n' "$OPENCLAW_DIR"
}

# Two npm runs on purpose: OpenClaw's preinstall refuses to run under an older Node, so Node comes
# first and the second run uses it.
openclaw_fetch() { # openclaw_fetch DEST
  local dest=$1 certs=/etc/ssl/certs/ca-certificates.crt
  # Debian's Node trusts the machine's certificates, the one from npm only its built-in list.
  [ -n "${NODE_EXTRA_CA_CERTS:-}" ] || [ ! -r "$certs" ] || export NODE_EXTRA_CA_CERTS=$certs
  mkdir -p "$dest" && cd "$dest" || return 1
  echo '{"name":"openclaw-app","private":true}' > package.json
  npm install --no-audit --no-fund "node@$OPENCLAW_NODE_VERSION" || return 1
  PATH="$dest/node_modules/node/bin:$PATH" \
    npm install --no-audit --no-fund "openclaw@$OPENCLAW_VERSION" || return 1
  "$dest/node_modules/node/bin/node" node_modules/openclaw/openclaw.mjs --version
}

openclaw_install() {
  local partial=$OPENCLAW_DIR.partial.$$
  rm -rf "$partial"
  if ! ( openclaw_fetch "$partial" ); then
    echo "npm failed; trying once more in 5 s"
    sleep 5
    rm -rf "$partial"
    ( openclaw_fetch "$partial" ) || { rm -rf "$partial"; return 1; }
  fi
  rm -rf "$OPENCLAW_DIR" && mv "$partial" "$OPENCLAW_DIR"
}
