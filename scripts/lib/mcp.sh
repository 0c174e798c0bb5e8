# shellcheck shell=bash
# MCP clients that we did not write, and the public conformance suite, pinned, into the cache folder: the
# inspector, both lines of the TypeScript SDK and the suite from npm, the Python SDK from pip.

MCP_NPM=("node@$OPENCLAW_NODE_VERSION" @modelcontextprotocol/inspector@2.12.0 @modelcontextprotocol/sdk@1.32.2
  @modelcontextprotocol/client@2.4.0 @modelcontextprotocol/conformance@0.2.0-alpha.12)
MCP_PIP=(mcp==2.3.0)
# The name holds what the pins are, so that a changed pin is a folder that is not there yet.
MCP_DIR=$SC_CACHE/mcp-clients-$(printf '%s\n' "${MCP_NPM[@]}" "${MCP_PIP[@]}" | cksum | cut -d ' ' -f 1)

mcp_path() { # prints the folder, or fails; it gets its name only when complete
  [ -x "$MCP_DIR/node_modules/node/bin/node" ] && [ -x "$MCP_DIR/python/bin/python" ] && printf '%s\n' "$MCP_DIR"
}

# Debian splits what makes a venv off its python3, and the SDK wants 3.10.
mcp_python() { # prints an interpreter that can make the venv, or fails
  local python
  for python in ${SC_PYTHON:+"$SC_PYTHON"} python3 /usr/bin/python3; do
    if "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' > /dev/null 2>&1; then
      printf '%s\n' "$python"
      return 0
    fi
  done
  return 1
}

# Two npm runs on purpose, as with OpenClaw: what is installed second wants the Node of the first.
mcp_fetch() { # mcp_fetch DEST
  local dest=$1 python certs=/etc/ssl/certs/ca-certificates.crt
  [ -n "${NODE_EXTRA_CA_CERTS:-}" ] || [ ! -r "$certs" ] || export NODE_EXTRA_CA_CERTS=$certs
  mkdir -p "$dest" && cd "$dest" || return 1
  echo '{"name":"mcp-clients","private":true}' > package.json
  npm install --no-audit --no-fund "${MCP_NPM[0]}" || return 1
  PATH="$dest/node_modules/node/bin:$PATH" npm install --no-audit --no-fund "${MCP_NPM[@]}" || return 1
  python=$(mcp_python) || { echo "no python3 from 3.10 on that can make a venv"; return 1; }
  "$python" -m venv python && python/bin/python -m pip install --no-input "${MCP_PIP[@]}" || return 1
  # Both kinds once, from here: what does not start now would only fail in the tests.
  node_modules/node/bin/node node_modules/@modelcontextprotocol/conformance/dist/index.js --version &&
    python/bin/python -c 'import mcp'
}

mcp_install() {
  local partial=$MCP_DIR.partial.$$
  rm -rf "$partial"
  if ! ( mcp_fetch "$partial" ); then
    echo "npm or pip failed; trying once more in 5 s"
    sleep 5
    rm -rf "$partial"
    ( mcp_fetch "$partial" ) || { rm -rf "$partial"; return 1; }
  fi
  rm -rf "$MCP_DIR" && mv "$partial" "$MCP_DIR"
}
