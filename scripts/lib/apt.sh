# shellcheck shell=bash
# Debian packages: which are missing, and their installation.

SC_APT_BUILD=(gcc cmake ninja-build pkg-config libevent-dev libhiredis-dev libcurl4-openssl-dev
  libjansson-dev libconfig-dev uuid-dev uthash-dev libsqlite3-dev libwslay-dev libsodium-dev)
SC_APT_RUN=(redis-server sqlite3 curl python3)
SC_APT_TEST=(libcriterion-dev ccache faketime iproute2 jq)
SC_APT_CI=(clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev valgrind gcovr shellcheck)

apt_have() { # apt_have PACKAGE
  [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2> /dev/null)" = 'ii ' ]
}

# apt_missing GROUP...   prints the packages of build|run|test|ci|pytest|node|venv that are not installed
apt_missing() {
  local group package
  local -a want=()
  for group in "$@"; do
    case $group in
      build) want+=("${SC_APT_BUILD[@]}") ;;
      run) want+=("${SC_APT_RUN[@]}") ;;
      test) want+=("${SC_APT_TEST[@]}") ;;
      ci) want+=("${SC_APT_CI[@]}") ;;
      pytest) python_with_pytest > /dev/null || want+=(python3-pytest) ;;
      venv) mcp_python > /dev/null || want+=(python3-venv) ;;
      node) # any Node can run npm; OpenClaw then brings its own, newer one
        command -v node > /dev/null || want+=(nodejs)
        command -v npm > /dev/null || want+=(npm) ;;
    esac
  done
  for package in "${want[@]}"; do
    case $package in # a tool from elsewhere will do: only libraries must be Debian's
      gcc | cmake | curl | jq | ccache | shellcheck | redis-server | sqlite3 | python3)
        command -v "$package" > /dev/null && continue ;;
    esac
    apt_have "$package" || printf '%s\n' "$package"
  done
}

apt_as_root() { # apt_as_root ARGS...
  local -a sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"
}

apt_twice() { # apt_twice ARGS...   mirrors have short absences: one retry
  apt_as_root "$@" && return 0
  echo "apt-get $1 failed; trying once more in 5 s"
  sleep 5
  apt_as_root "$@"
}

# A policy that forbids starting services would be the administrator's to set; Debian may start its
# own redis-server here. Nothing of ours uses it: tests and demo start theirs on ports of their own.
apt_install() { # apt_install PACKAGE...
  apt_twice -qq update && apt_twice -qq -y --no-install-recommends install "$@"
}

apt_check_tool() { # fails with words where there is no apt-get
  command -v apt-get > /dev/null && command -v dpkg-query > /dev/null && return 0
  warn "this script installs with apt-get (made for Debian bookworm), which is not here."
  warn "  try: install by your own means: ${SC_APT_BUILD[*]} ${SC_APT_RUN[*]} ${SC_APT_TEST[*]}"
  return 1
}
