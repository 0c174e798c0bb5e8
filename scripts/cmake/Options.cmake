# Flags every target of the project shares, as one INTERFACE target.
add_library(sc_options INTERFACE)
target_include_directories(sc_options INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(sc_options INTERFACE
  _GNU_SOURCE SC_VERSION="${PROJECT_VERSION}")
target_compile_options(sc_options INTERFACE
  -include sideclaw/banned.h -fno-common
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wformat=2 -Wundef
  -Wwrite-strings -Wcast-qual -Wpointer-arith -Wswitch-enum -Wimplicit-fallthrough
  -Wvla -Wnull-dereference -Wdouble-promotion
  $<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init>
  # The log macros take an empty list of fields, which is older than C23's __VA_OPT__.
  $<$<C_COMPILER_ID:Clang>:-Wno-gnu-zero-variadic-macro-arguments>
  $<$<BOOL:${SIDECLAW_WERROR}>:-Werror>)

if(SIDECLAW_SANITIZE)
  target_compile_options(sc_options INTERFACE
    -fsanitize=${SIDECLAW_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sc_options INTERFACE -fsanitize=${SIDECLAW_SANITIZE})
endif()

if(SIDECLAW_HARDEN)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  target_compile_options(sc_options INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
    -fPIE -ffunction-sections -fdata-sections)
  target_link_options(sc_options INTERFACE
    -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections)
endif()

# sc_layer(NAME LINKS...): one static library per folder of src/, linking only downward, so that an
# upward call is an undefined symbol in that layer's own tests.
function(sc_layer name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library(sc_${name} STATIC ${sources})
  target_link_libraries(sc_${name} PUBLIC sc_options ${ARGN})
endfunction()
