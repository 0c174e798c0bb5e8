/* A gateway's frame, taken apart as far as every frame goes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/gateway_json.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"
#include "value_internal.h"

/* The four hex digits of a \uXXXX escape at p, or -1. */
static int escape_at(const char *p, const char *end)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    int code = 0;
    for (int i = 2; i < 6; i++) {
        const char *digits = "0123456789abcdef";
        const char *at = p[i] ? strchr(digits, p[i] | 0x20) : NULL;
        if (!at)
            return -1;
        code = code * 16 + (int)(at - digits);
    }
    return code;
}

/* JavaScript cuts text between the halves of a surrogate pair (a streamed delta may end inside an
 * emoji) and JSON.stringify writes the lonely half as \ud83d, which RFC 8259 allows and jansson
 * refuses. U+FFFD takes its place: closing the connection over half an emoji would be absurd. */
static char *mend_surrogates(const char *text, size_t n)
{
    static const char replacement[] = { 'f', 'f', 'f', 'd' };
    char *copy = sc_xmalloc(n + 1);
    char *end = copy + n;
    memcpy(copy, text, n);
    for (char *p = copy; p < end; p++) {
        if (*p != '\\')
            continue;
        int code = escape_at(p, end);
        if (code < 0xd800 || code > 0xdfff) {
            p++; /* whatever is escaped, it is one character, and may be a backslash */
            continue;
        }
        int low = code <= 0xdbff ? escape_at(p + 6, end) : -1;
        if (low >= 0xdc00 && low <= 0xdfff)
            p += 11;
        else
            memcpy(p + 2, replacement, sizeof replacement);
    }
    return copy;
}

static json_t *load(const char *text, size_t n, struct sc_err *err)
{
    json_error_t je;
    /* NULs may be in what a tool printed; whoever takes text out replaces them. */
    json_t *j = json_loadb(text, n, JSON_ALLOW_NUL, &je);
    if (j)
        return j;
    if (memmem(text, n, "\\ud", 3) || memmem(text, n, "\\uD", 3)) {
        sc_auto_free char *mended = mend_surrogates(text, n);
        j = json_loadb(mended, n, JSON_ALLOW_NUL, &je);
        if (j)
            return j;
    }
    (void)sc_fail(err, SC_EPROTO, "a frame is not JSON: %s at byte %d", je.text, je.position);
    return NULL;
}

static const struct {
    const char *name;
    enum sc_gw_event event;
} events[] = {
    { "connect.challenge", SC_GW_EV_CHALLENGE },
    { "agent", SC_GW_EV_AGENT },
    { "chat", SC_GW_EV_CHAT },
    { "config.changed", SC_GW_EV_CONFIG_CHANGED },
    { "skills.changed", SC_GW_EV_SKILLS_CHANGED },
    { "chat.metadata.changed", SC_GW_EV_SKILLS_CHANGED }, /* what 2026.9.6 sends for a new skill */
    { "shutdown", SC_GW_EV_SHUTDOWN },
    { "gateway.suspension", SC_GW_EV_SUSPENSION },
};

static enum sc_gw_event event_of(const char *name)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(events); i++)
        if (strcmp(events[i].name, name) == 0)
            return events[i].event;
    return SC_GW_EV_OTHER;
}

static const char *text_or_empty(const struct sc_value *obj, const char *key)
{
    const char *s = sc_value_get_str(obj, key);
    return s ? s : "";
}

static void read_error(struct sc_gw_frame *f)
{
    const struct sc_value *e = sc_value_get(f->root, "error");
    const struct sc_value *details = sc_value_get(e, "details");
    f->error = (struct sc_gw_error){
        .code = text_or_empty(e, "code"),
        .message = text_or_empty(e, "message"),
        .detail = text_or_empty(details, "code"),
        .reason = text_or_empty(details, "reason"),
        .retryable = sc_value_get_bool(e, "retryable", false),
    };
}

static int read_answer(struct sc_gw_frame *f, struct sc_err *err)
{
    const char *id = sc_value_get_str(f->root, "id");
    const struct sc_value *ok = sc_value_get(f->root, "ok");
    if (!id || !sc_value_is_bool(ok))
        return sc_fail(err, SC_EPROTO, "an answer without id or ok");
    f->type = SC_GW_ANSWER;
    if (sc_parse_i64(id, 1, INT64_MAX, &f->id, NULL) < 0)
        f->id = 0; /* not ours */
    f->ok = sc_value_true(ok);
    return SC_OK;
}

static int read_frame(struct sc_gw_frame *f, struct sc_err *err)
{
    const char *type = sc_value_get_str(f->root, "type");
    if (!type)
        return sc_fail(err, SC_EPROTO, "a frame without a type");
    f->payload = sc_value_get(f->root, "payload");
    read_error(f);
    if (strcmp(type, "res") == 0)
        return read_answer(f, err);
    if (strcmp(type, "event") != 0)
        return SC_OK;
    const char *name = sc_value_get_str(f->root, "event");
    if (!name)
        return sc_fail(err, SC_EPROTO, "an event without a name");
    f->type = SC_GW_EVENT;
    f->event = event_of(name);
    return SC_OK;
}

int sc_gw_frame_parse(const char *text, size_t n, struct sc_gw_frame *ret, struct sc_err *err)
{
    json_t *root = load(text, n, err);
    if (!root)
        return SC_EPROTO;
    struct sc_gw_frame f = { .type = SC_GW_OTHER, .root = sc_value_of_json(root) };
    int r = read_frame(&f, err);
    if (r < 0)
        sc_gw_frame_fini(&f);
    else
        *ret = f;
    return r;
}

void sc_gw_frame_fini(struct sc_gw_frame *f)
{
    sc_value_free(f->root);
    *f = (struct sc_gw_frame){ .root = NULL };
}
