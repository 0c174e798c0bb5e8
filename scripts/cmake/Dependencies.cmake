# The libraries of docs/ARCHITECTURE.md. Every one is a Debian package; scripts/test installs them.
find_package(PkgConfig REQUIRED)
pkg_check_modules(EVENT REQUIRED IMPORTED_TARGET libevent>=2.1)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis>=0.14)
# TLS to Redis (redis_tls.c), when there is a hiredis that can.
pkg_check_modules(HIREDIS_SSL IMPORTED_TARGET hiredis_ssl>=1.0)
pkg_check_modules(OPENSSL IMPORTED_TARGET openssl>=1.1.1)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.77)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.13)
pkg_check_modules(CONFIG REQUIRED IMPORTED_TARGET libconfig>=1.5)
pkg_check_modules(UUID REQUIRED IMPORTED_TARGET uuid)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.35)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)

# Debian's wslay ships no pkg-config file.
find_library(WSLAY_LIBRARY wslay REQUIRED)
find_path(WSLAY_INCLUDE wslay/wslay.h REQUIRED)
add_library(sc_wslay INTERFACE)
target_link_libraries(sc_wslay INTERFACE ${WSLAY_LIBRARY})
target_include_directories(sc_wslay SYSTEM INTERFACE ${WSLAY_INCLUDE})

find_path(UTHASH_INCLUDE uthash.h REQUIRED)
