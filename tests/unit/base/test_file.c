#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sideclaw/file.h"
#include "sideclaw/mem.h"
#include "support/folder.h"

TestSuite(file, .init = folder_make, .fini = folder_remove);

static void put(const char *path, const void *data, size_t n, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, data, n), (ssize_t)n);
    cr_assert_eq(fchmod(fd, mode), 0);
    (void)close(fd);
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    return st.st_mode & 07777u;
}

Test(file, write_then_read)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *path = sc_xasprintf("%s/f", folder);
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    cr_assert_eq(sc_file_write(path, "a\0b", 3, 0600, &err), SC_OK, "%s", err.text);
    cr_assert_eq(sc_file_read(path, 3, &b, &err), SC_OK, "%s", err.text);
    cr_assert_eq(b.n, 3);
    cr_assert_eq(memcmp(b.p, "a\0b", 3), 0);
    cr_assert_eq(mode_of(path), 0600);
}

Test(file, a_missing_file_has_its_own_code)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *path = sc_xasprintf("%s/none", folder);
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    cr_assert_eq(sc_file_read(path, 10, &b, &err), SC_ENOENT);
    cr_assert(strstr(err.text, path));
    cr_assert_eq(sc_file_read(folder, 10, &b, &err), SC_EIO);
}

Test(file, the_bound_is_exact_and_a_failure_leaves_the_buffer_as_it_was)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *path = sc_xasprintf("%s/f", folder);
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_auto_free char *big = sc_xcalloc(1, 10000);
    put(path, big, 10000, 0600);
    sc_buf_adds(&b, "before");
    cr_assert_eq(sc_file_read(path, 9999, &b, &err), SC_ETOOBIG);
    cr_assert_eq(b.n, 6);
    cr_assert_str_eq(sc_buf_str(&b), "before");
    sc_buf_clear(&b);
    cr_assert_eq(sc_file_read(path, 10000, &b, &err), SC_OK);
    cr_assert_eq(b.n, 10000);
}

Test(file, a_line_loses_its_newline_only)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "", "" },         { "\n", "" },         { "tok", "tok" },
        { "tok\n", "tok" }, { "tok\r\n", "tok" }, { " tok \n", " tok " },
    };
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *path = sc_xasprintf("%s/f", folder);
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++) {
        char *line = NULL;
        put(path, cases[i].in, strlen(cases[i].in), 0600);
        cr_assert_eq(sc_file_read_line(path, 100, &line, &err), SC_OK);
        cr_assert_str_eq(line, cases[i].out);
        free(line);
    }
}

/* Left there by a crash, or put there by somebody who wants to read the next token. */
Test(file, a_secret_never_inherits_the_mode_of_a_leftover)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *path = sc_xasprintf("%s/token", folder);
    sc_auto_free char *tmp = sc_xasprintf("%s.new", path);
    put(tmp, "old", 3, 0666);
    cr_assert_eq(sc_file_write(path, "secret", 6, 0600, &err), SC_OK, "%s", err.text);
    cr_assert_eq(mode_of(path), 0600);
}

Test(file, a_leftover_link_is_not_followed)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *path = sc_xasprintf("%s/token", folder);
    sc_auto_free char *tmp = sc_xasprintf("%s.new", path),
                      *other = sc_xasprintf("%s/other", folder);
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    put(other, "precious", 8, 0600);
    cr_assert_eq(symlink(other, tmp), 0);
    cr_assert_eq(sc_file_write(path, "x", 1, 0600, &err), SC_OK, "%s", err.text);
    cr_assert_eq(sc_file_read(other, 100, &b, &err), SC_OK);
    cr_assert_str_eq(sc_buf_str(&b), "precious");
}

Test(file, a_failed_write_leaves_the_old_file)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *path = sc_xasprintf("%s/none/f", folder);
    cr_assert_eq(sc_file_write(path, "x", 1, 0600, &err), SC_EIO);
    cr_assert(strstr(err.text, "none"));
}

Test(file, folders_are_made_down_to_the_last)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *deep = sc_xasprintf("%s/a/b//c/", folder);
    sc_auto_free char *b = sc_xasprintf("%s/a/b", folder);
    cr_assert_eq(sc_mkdirs(deep, &err), SC_OK, "%s", err.text);
    cr_assert_eq(mode_of(b), 0700);
    cr_assert_eq(sc_mkdirs(deep, &err), SC_OK);
    cr_assert_eq(sc_mkdirs("/", &err), SC_OK);
    cr_assert_lt(sc_mkdirs("", &err), 0);
}

Test(file, a_file_in_the_way_is_an_error)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *path = sc_xasprintf("%s/f", folder);
    sc_auto_free char *below = sc_xasprintf("%s/sub", path);
    put(path, "x", 1, 0600);
    cr_assert_eq(sc_mkdirs(path, &err), SC_EIO);
    cr_assert_eq(sc_mkdirs(below, &err), SC_EIO);
}

Test(file, the_room_that_is_left)
{
    int64_t left = -1;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_file_system_free("/tmp", &left, &err), SC_OK, "%s", err.text);
    cr_assert_geq(left, 0);
    cr_assert_eq(sc_file_system_free("/proc", &left, &err), SC_OK);
    cr_assert_eq(left, 0, "nothing can be written there");
    cr_assert_lt(sc_file_system_free("/no/such/folder", &left, &err), 0);
    cr_assert(strstr(err.text, "/no/such/folder"));
}
