/* What anybody may push into the list: a task that is taken is within its limits and reads back as
 * the same; anything else is refused with words. Seeds: corpus/task_entry. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/parse.h"
#include "sideclaw/task_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_again(const struct sc_task *t)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_task back;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT, again = SC_BUF_INIT;
    sc_task_to_entry(t, &text);
    sc_assert(sc_task_from_entry(text.p, text.n, &back, &err) == SC_OK);
    sc_task_to_entry(&back, &again);
    sc_assert(text.n == again.n && memcmp(text.p, again.p, text.n) == 0);
    sc_task_fini(&back);
}

static void check_fence(const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    char again[SC_FENCE_TEXT_SIZE];
    const char *home, *home_again;
    uint64_t fence, fence_again;
    if (sc_fence_parse(text, &fence, &home, &err) < 0)
        return;
    sc_fence_format(fence, home, again);
    sc_assert(sc_fence_parse(again, &fence_again, &home_again, &err) == SC_OK);
    sc_assert(fence == fence_again && sc_streq(home, home_again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_task t;
    sc_auto_free char *text = sc_xstrndup((const char *)data, n);
    if (sc_task_from_entry((const char *)data, n, &t, &err) == SC_OK) {
        sc_assert(sc_task_check(&t, &err) == SC_OK);
        check_again(&t);
        sc_task_fini(&t);
    } else {
        sc_assert(*err.text && sc_utf8_valid(err.text, strlen(err.text)));
    }
    check_fence(text);
    return 0;
}
