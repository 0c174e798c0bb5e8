# shellcheck shell=bash
# CMake presets: build/<preset>. ccache, where there is one, makes a second clone's build quick.

build_preset() { # build_preset PRESET   quiet but for failures
  local preset=$1
  if command -v ccache > /dev/null; then
    export CMAKE_C_COMPILER_LAUNCHER=${CMAKE_C_COMPILER_LAUNCHER-ccache}
  fi
  ( cd "$SC_ROOT" &&
    cmake --preset "$preset" &&
    cmake --build --preset "$preset" )
}
