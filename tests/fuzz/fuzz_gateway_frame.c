/* Whatever a gateway sends: parse it, and read it in every way the adapter does. */
#include <stdint.h>
#include <stdlib.h>

#include "sideclaw/gateway_json.h"
#include "sideclaw/mem.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct sc_gw_frame f;
    const char *text = (const char *)data;
    (void)sc_gw_http_status_read(text, n);
    if (sc_gw_frame_parse(text, n, &f, NULL) < 0)
        return 0;
    read_log_in(&f);
    read_runs(&f);
    read_lists(&f);
    sc_gw_frame_fini(&f);
    return 0;
}
