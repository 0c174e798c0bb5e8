#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/cli/mcp_owed.h"

static struct sc_owed *owed;

static void setup(void)
{
    owed = sc_owed_new();
}

static void teardown(void)
{
    sc_owed_free(owed);
}
TestSuite(mcp_owed, .init = setup, .fini = teardown);

static void asked(const char *line)
{
    sc_owed_asked(owed, line, strlen(line));
}

static void answered(const char *line)
{
    sc_owed_answered(owed, line, strlen(line));
}

/* What is answered for the daemon, which is forgotten by that. */
static char *rest(void)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_buf out = SC_BUF_INIT;
    (void)sc_fail(&err, SC_EAWAY, "gone");
    sc_owed_fail(owed, &err, &out);
    cr_assert(sc_owed_none(owed));
    return sc_buf_steal(&out);
}

Test(mcp_owed, each_request_is_owed_until_it_is_answered)
{
    asked("{\"id\":1,\"method\":\"a\"}");
    asked("{\"id\":\"1\",\"method\":\"a\"}");
    asked("{\"method\":\"a notification\"}");
    asked("{\"id\":9,\"result\":{}}");
    asked("{nonsense");
    answered("{\"id\":1,\"result\":{}}");
    char *text = rest();
    cr_assert(strstr(text, "\"id\":\"1\"") && strstr(text, "gone"), "%s", text);
    cr_assert_eq(strchr(text, '\n')[1], 0, "one line: %s", text);
    free(text);
}

Test(mcp_owed, a_batch_owes_each_of_its_requests)
{
    asked("[{\"id\":1,\"method\":\"a\"},{\"method\":\"b\"},7,{\"id\":2,\"method\":\"c\"}]");
    cr_assert(!sc_owed_none(owed));
    answered("[{\"id\":2,\"result\":{}},{\"id\":1,\"error\":{}}]");
    cr_assert(sc_owed_none(owed));
}

Test(mcp_owed, what_is_cancelled_is_owed_no_longer)
{
    asked("{\"id\":1,\"method\":\"a\"}");
    asked("{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");
    cr_assert(!sc_owed_none(owed));
    asked("{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
    cr_assert(sc_owed_none(owed));
}
