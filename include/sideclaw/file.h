/* file.h: small files, whole: read with a bound, write so that a crash leaves the old or the new.
 */
#ifndef SIDECLAW_FILE_H
#define SIDECLAW_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "sideclaw/buf.h"
#include "sideclaw/err.h"

/* SC_ENOENT when there is none; SC_ETOOBIG above `max` bytes. */
int sc_file_read(const char *path, size_t max, struct sc_buf *ret,
                 struct sc_err *err) SC_MUST_CHECK;
/* As sc_file_read, without the newline at its end: tokens and keys. The caller frees
 * (sc_secret_free for secrets). SC_ECONFIG when others may read it is not decided here. */
int sc_file_read_line(const char *path, size_t max, char **ret, struct sc_err *err) SC_MUST_CHECK;
/* Write to a temporary beside `path`, fsync, rename, fsync the folder. Mode as given (0600). */
int sc_file_write(const char *path, const void *data, size_t n, unsigned mode,
                  struct sc_err *err) SC_MUST_CHECK;
/* What an unprivileged process may still write to the file system that holds `path`. */
int sc_file_system_free(const char *path, int64_t *ret_bytes, struct sc_err *err) SC_MUST_CHECK;
/* mkdir -p, mode 0700 for what is created. */
int sc_mkdirs(const char *path, struct sc_err *err) SC_MUST_CHECK;

#endif
