#!/usr/bin/env bash
# Format the C files; with --check only say which are not formatted (exit 1 then).
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(find src include tests -name '*.[ch]' | sort)
[ ${#files[@]} -gt 0 ] || { echo "no C files found" >&2; exit 1; }
if [ "${1:-}" = --check ]; then
  exec clang-format-14 --dry-run -Werror "${files[@]}"
fi
exec clang-format-14 -i "${files[@]}"
