/* fuzz_config: any bytes as a configuration file are a configuration or a list of errors, each with
 * words and a remedy. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sideclaw/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* libconfig 1.5 forgets the string it was reading when the file ends in a syntax error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig\n";
}

static void on_note(void *ctx, bool is_error, const struct sc_err *note)
{
    int *errors = ctx;
    *errors += is_error;
    if (!note->text[0] || !note->remedy[0])
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char path[64];
    int errors = 0;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, n) != (ssize_t)n)
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int checked = sc_config_check(path, 0, NULL, NULL, on_note, &errors);
    if (checked != errors)
        abort();
    struct sc_config c;
    struct sc_err err = SC_ERR_INIT;
    int r = sc_config_load(&c, path, 0, NULL, NULL, &err);
    if ((r == SC_OK) != (errors == 0))
        abort();
    if (r == SC_OK)
        sc_config_fini(&c);
    (void)close(fd);
    return 0;
}
