# shellcheck shell=bash
# The python3 first on PATH may be a pyenv or virtualenv without pytest; Debian's own has it once
# python3-pytest is there. SC_PYTHON wins when set.

python_with_pytest() { # prints the interpreter, or fails
  local python
  for python in ${SC_PYTHON:+"$SC_PYTHON"} python3 /usr/bin/python3; do
    if "$python" -c 'import pytest, sys; sys.exit(sys.version_info < (3, 9))' > /dev/null 2>&1; then
      printf '%s\n' "$python"
      return 0
    fi
  done
  return 1
}
