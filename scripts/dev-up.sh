#!/usr/bin/env bash
# Consul (dev mode) and Redis on free ports, for running a sidecar by hand; Ctrl-C stops both.
# Consul is not in bookworm: lib/consul.sh says where it comes from.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
install_missing install run consul || exit 1
PYTHONDONTWRITEBYTECODE=1 exec python3 "$SC_ROOT/scripts/lib/dev_up.py"
