# shellcheck shell=bash
# The plan: what is missing is named before anything is touched; with --no-install only named.

# install_missing MODE GROUP...   MODE install|check; GROUP build|run|test|ci|pytest|consul|openclaw|mcp|go|prometheus
install_missing() {
  local mode=$1 group
  shift
  local -a packages=() plan=() apt_groups=()
  local consul='' openclaw='' mcp='' go='' prometheus=''
  for group in "$@"; do
    case $group in
      consul) consul_path > /dev/null || consul=1 ;;
      openclaw) if ! openclaw_path > /dev/null; then openclaw=1; apt_groups+=(node); fi ;;
      mcp) if ! mcp_path > /dev/null; then mcp=1; apt_groups+=(node venv); fi ;;
      go) if ! go_path > /dev/null; then go=1; apt_groups+=(venv); fi ;;
      prometheus) prometheus_path > /dev/null || prometheus=1 ;;
      *) apt_groups+=("$group") ;;
    esac
  done
  if [ ${#apt_groups[@]} -gt 0 ]; then
    if ! command -v dpkg-query > /dev/null; then apt_check_tool; return 1; fi
    mapfile -t packages < <(apt_missing "${apt_groups[@]}" | awk '!seen[$0]++')
  fi
  [ ${#packages[@]} -eq 0 ] || plan+=("Debian packages: ${packages[*]}")
  [ -z "$consul" ] || plan+=("Consul: Debian's package of the suite $CONSUL_SUITE, unpacked into $CONSUL_DIR")
  [ -z "$openclaw" ] || plan+=("OpenClaw $OPENCLAW_VERSION and Node $OPENCLAW_NODE_VERSION: from npm into $OPENCLAW_DIR (0.8 GB)")
  [ -z "$mcp" ] || plan+=("MCP clients: ${MCP_NPM[*]} from npm, ${MCP_PIP[*]} from pip, into $MCP_DIR (0.4 GB)")
  [ -z "$go" ] || plan+=("Go: $GO_PIP from pip into $GO_DIR (0.3 GB)")
  [ -z "$prometheus" ] || plan+=("Prometheus: Debian's package, unpacked into $PROMETHEUS_DIR")
  [ ${#plan[@]} -gt 0 ] || return 0

  if [ "$mode" = check ]; then
    warn "missing:"
    printf '  %s\n' "${plan[@]}" >&2
    warn "  try: run this again without --no-install"
    return 1
  fi
  say "Going to install:"
  printf '  %s\n' "${plan[@]}"
  install_run "$consul" "$openclaw" "$mcp" "$go" "$prometheus" "${packages[@]}"
}

install_run() { # install_run CONSUL OPENCLAW MCP GO PROMETHEUS PACKAGE...
  local consul=$1 openclaw=$2 mcp=$3 go=$4 prometheus=$5
  shift 5
  if [ $# -gt 0 ]; then
    apt_check_tool || return 1
    # Ask for the password now, in the open: the installation itself runs with its output put away.
    [ "$(id -u)" -eq 0 ] || sudo -v || { warn "  try: run as root, or install: $*"; return 1; }
    ui_quietly "installing $# Debian packages" apt_install "$@" || return 1
  fi
  [ -z "$consul" ] || ui_quietly "fetching Consul" consul_install || return 1
  [ -z "$openclaw" ] || ui_quietly "installing OpenClaw $OPENCLAW_VERSION" openclaw_install || return 1
  [ -z "$mcp" ] || ui_quietly "installing MCP clients" mcp_install || return 1
  [ -z "$go" ] || ui_quietly "installing Go" go_install || return 1
  [ -z "$prometheus" ] || ui_quietly "fetching Prometheus" prometheus_install || return 1
}
