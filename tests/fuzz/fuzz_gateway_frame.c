/* Whatever a gateway sends: parse it, and read it in every way the adapter does. */
#include <stdint.h>
#include <stdlib.h>

#include "sideclaw/gateway_json.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { REPORT_MAX = 1024 }; /* nobody reads more */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void ignore_agent(void *ctx, const char *id, const char *name)
{
    (void)ctx;
    sc_assert(id && name);
}

static void ignore_binding(void *ctx, const char *agent, const char *channel)
{
    (void)ctx;
    sc_assert(agent && channel);
}

static void read_lists(const struct sc_gw_frame *f)
{
    struct sc_strv skills = { .v = NULL };
    (void)!sc_gw_agents_read(f, ignore_agent, NULL, NULL);
    sc_gw_bindings_read(f, ignore_binding, NULL);
    sc_gw_skills_read(f, 4, &skills);
    sc_assert(skills.n <= 4);
    sc_strv_fini(&skills);
}

static void read_runs(const struct sc_gw_frame *f)
{
    enum sc_gw_run_status status;
    sc_auto_free char *text = NULL;
    struct sc_gw_history h;
    struct sc_gw_run_event ev;
    if (sc_gw_run_read(f, &status, &text, NULL) == SC_OK)
        sc_assert(text);
    if (sc_gw_history_read(f, "K", &h, NULL) == SC_OK) {
        sc_assert((h.answered || h.failed) == (h.text != NULL));
        sc_assert(!(h.answered && h.failed));
        free(h.text);
    }
    sc_gw_run_event_read(f, &ev);
    sc_assert(ev.run_id && ev.session_key);
}

static void read_log_in(const struct sc_gw_frame *f)
{
    const char *nonce;
    int64_t ms;
    struct sc_gw_hello hello;
    (void)!sc_gw_challenge_read(f, &nonce, &ms, NULL);
    if (sc_gw_hello_read(f, &hello, NULL) == SC_OK)
        sc_assert(hello.version && hello.tick_ms > 0);
    (void)sc_gw_suspension_accepting(f);
    sc_assert(sc_gw_shutdown_reason(f, &ms));
}

static void read_reports(const struct sc_gw_frame *f)
{
    sc_auto_buf struct sc_buf channels = SC_BUF_INIT, models = SC_BUF_INIT;
    int n = sc_gw_channels_read(f, &channels);
    sc_assert(n > 0 || channels.n == 0);
    sc_assert(channels.n <= REPORT_MAX && sc_utf8_valid(channels.p, channels.n));
    n = sc_gw_models_read(f, &models);
    sc_assert(n > 0 || models.n == 0);
    sc_assert(models.n <= REPORT_MAX && sc_utf8_valid(models.p, models.n));
}

static void read_pages(const char *text, size_t n)
{
    sc_auto_buf struct sc_buf failing = SC_BUF_INIT;
    (void)sc_gw_http_status_read(text, n);
    (void)sc_gw_readyz_read(text, n, &failing);
    sc_assert(failing.n <= REPORT_MAX && sc_utf8_valid(failing.p, failing.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct sc_gw_frame f;
    const char *text = (const char *)data;
    read_pages(text, n);
    if (sc_gw_frame_parse(text, n, &f, NULL) < 0)
        return 0;
    read_log_in(&f);
    read_runs(&f);
    read_lists(&f);
    read_reports(&f);
    sc_gw_frame_fini(&f);
    return 0;
}
