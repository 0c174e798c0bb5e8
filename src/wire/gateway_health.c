/* What a gateway says of itself: /readyz, its channels, its model providers. */
#include <string.h>

#include "sideclaw/gateway_json.h"
#include "sideclaw/parse.h"

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

enum { NAME_MAX_SHOWN = 60, WHY_MAX_SHOWN = 100, REPORT_MAX = 512 };

static void add_cut(struct sc_buf *out, const char *before, const char *text, size_t max)
{
    if (*text)
        sc_buf_addf(out, "%s%.*s", before, (int)sc_utf8_prefix(text, max), text);
}

/* The first ones will do: a person reads it, and begins with them. */
static void add(struct sc_buf *out, const char *what, const char *name, const char *why)
{
    if (out->n > REPORT_MAX)
        return;
    add_cut(out, out->n ? "; " : "", what, NAME_MAX_SHOWN);
    add_cut(out, "/", name, NAME_MAX_SHOWN);
    add_cut(out, ": ", why, WHY_MAX_SHOWN);
}

int sc_gw_readyz_read(const char *body, size_t n, struct sc_buf *out)
{
    sc_auto_value struct sc_value *v = sc_value_parse(body, n, NULL);
    const struct sc_value *failing = sc_value_get(v, "failing");
    if (!sc_value_is_bool(sc_value_get(v, "ready")))
        return -1;
    if (sc_value_get_bool(v, "ready", false))
        return 0;
    int bad = 0;
    for (size_t i = 0; i < sc_value_count(failing); i++) {
        const char *name = sc_value_text(sc_value_at(failing, i));
        if (!name)
            continue;
        add(out, name, "", "");
        bad++;
    }
    return bad ? bad : 1;
}

/* ---- channels ---- */

struct accounts {
    struct sc_buf *out;
    int bad;
};

/* An account that is switched off, or was never set up, is not expected to run. One that is not
 * linked (a WhatsApp nobody scanned) is: its owner set it up. */
static void read_account(struct accounts *a, const char *channel, const struct sc_value *account)
{
    const char *id = or_empty(sc_value_get_str(account, "accountId"));
    const char *error = or_empty(sc_value_get_str(account, "lastError"));
    if (!sc_value_get_bool(account, "enabled", true) ||
        !sc_value_get_bool(account, "configured", true))
        return;
    const char *why = !sc_value_get_bool(account, "linked", true)      ? "not linked"
                      : !sc_value_get_bool(account, "running", true)   ? "stopped"
                      : !sc_value_get_bool(account, "connected", true) ? "not connected"
                                                                       : NULL;
    if (!why)
        return;
    add(a->out, channel, id, *error ? error : why);
    a->bad++;
}

static bool read_channel(void *ctx, const char *channel, const struct sc_value *accounts)
{
    for (size_t i = 0; i < sc_value_count(accounts); i++)
        read_account(ctx, channel, sc_value_at(accounts, i));
    return true;
}

int sc_gw_channels_read(const struct sc_gw_frame *f, struct sc_buf *out)
{
    const struct sc_value *channels = sc_value_get(f->payload, "channelAccounts");
    struct accounts a = { .out = out };
    if (!sc_value_is_object(channels))
        return -1;
    sc_value_each(channels, read_channel, &a);
    return a.bad;
}

/* ---- model providers ---- */

int sc_gw_models_read(const struct sc_gw_frame *f, struct sc_buf *out)
{
    const struct sc_value *providers = sc_value_get(f->payload, "providers");
    int bad = 0;
    if (!sc_value_is_array(providers))
        return -1;
    for (size_t i = 0; i < sc_value_count(providers); i++) {
        const struct sc_value *p = sc_value_at(providers, i);
        const char *status = or_empty(sc_value_get_str(p, "status"));
        if (strcmp(status, "missing") != 0 && strcmp(status, "expired") != 0)
            continue;
        add(out, or_empty(sc_value_get_str(p, "provider")), "", status);
        bad++;
    }
    return bad;
}
