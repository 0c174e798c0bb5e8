#include "sideclaw/task_json.h"

#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

/* A member that is absent or null leaves *ret as it is. */
static int take_text(const struct sc_value *v, const char *name, char **ret, struct sc_err *err)
{
    const struct sc_value *m = sc_value_get(v, name);
    if (!m || sc_value_is_null(m))
        return SC_OK;
    if (!sc_value_is_str(m))
        return sc_fail(err, SC_EINVAL, "%s: a string is expected", name);
    sc_set_str(ret, sc_value_text(m));
    return SC_OK;
}

static int take_int(const struct sc_value *v, const char *name, int64_t min, int64_t max,
                    int64_t *ret, struct sc_err *err)
{
    const struct sc_value *m = sc_value_get(v, name);
    if (!m || sc_value_is_null(m))
        return SC_OK;
    if (!sc_value_is_int(m))
        return sc_fail(err, SC_EINVAL, "%s: a whole number is expected", name);
    int64_t i = sc_value_num(m);
    if (i < min || i > max)
        return sc_fail(err, SC_EINVAL, "%s: %lld is not between %lld and %lld", name, (long long)i,
                       (long long)min, (long long)max);
    *ret = i;
    return SC_OK;
}

static int take_seconds(const struct sc_value *v, const char *name, int64_t *ret_ms,
                        struct sc_err *err)
{
    int64_t s = -1;
    int r = take_int(v, name, 0, SC_TASK_TIME_MAX_S, &s, err);
    if (r == SC_OK && s >= 0)
        *ret_ms = s * 1000;
    return r;
}

static int take_texts(const struct sc_value *v, struct sc_task *t, struct sc_err *err)
{
    const struct {
        const char *name;
        char **to;
    } texts[] = {
        { "id", &t->id },       { "body", &t->body },   { "from", &t->from },
        { "agent", &t->agent }, { "group", &t->group }, { "capability", &t->capability }
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(texts); i++) {
        int r = take_text(v, texts[i].name, texts[i].to, err);
        if (r < 0)
            return r;
    }
    return SC_OK;
}

static int take_numbers(const struct sc_value *v, struct sc_task *t, struct sc_err *err)
{
    const struct {
        const char *name;
        int64_t *to;
    } times[] = { { "lease_s", &t->lease_ms },
                  { "timeout_s", &t->timeout_ms },
                  { "delay_s", &t->delay_ms },
                  { "backoff_s", &t->backoff_ms } };
    int64_t priority = t->priority, attempts = t->max_attempts;
    int r = take_int(v, "priority", 0, SC_TASK_PRIORITY_MAX, &priority, err);
    if (r == SC_OK)
        r = take_int(v, "max_attempts", 1, SC_TASK_ATTEMPTS_MAX, &attempts, err);
    for (size_t i = 0; i < SC_ARRAY_LEN(times) && r == SC_OK; i++)
        r = take_seconds(v, times[i].name, times[i].to, err);
    t->priority = (int)priority;
    t->max_attempts = (unsigned)attempts;
    return r;
}

int sc_task_from_value(const struct sc_value *v, struct sc_task *ret, struct sc_err *err)
{
    int r = take_texts(v, ret, err);
    if (r == SC_OK)
        r = take_numbers(v, ret, err);
    return r == SC_OK ? sc_task_check(ret, err) : r;
}

static int from_text(const char *text, size_t n, struct sc_task *t, struct sc_err *err)
{
    if (n > SC_TASK_BODY_MAX)
        return sc_fail(err, SC_ETOOBIG, "body: it has %zu bytes; %d is the most", n,
                       SC_TASK_BODY_MAX);
    if (memchr(text, 0, n) || !sc_utf8_valid(text, n))
        return sc_fail(err, SC_EINVAL, "body: it is not valid UTF-8");
    t->body = sc_xstrndup(text, n);
    return sc_task_check(t, err);
}

int sc_task_from_entry(const char *text, size_t n, struct sc_task *ret, struct sc_err *err)
{
    struct sc_err none = SC_ERR_INIT;
    sc_auto_task struct sc_task t;
    sc_task_init(&t);
    if (n == 0)
        return sc_fail(err, SC_EINVAL, "body: it is missing or empty");
    if (n > SC_TASK_ENTRY_MAX)
        return sc_fail(err, SC_ETOOBIG, "it has %zu bytes; %d is the most", n, SC_TASK_ENTRY_MAX);
    sc_auto_value struct sc_value *v = *text == '{' ? sc_value_parse(text, n, &none) : NULL;
    int r = sc_value_get(v, "body") ? sc_task_from_value(v, &t, err) : from_text(text, n, &t, err);
    if (r < 0)
        return r;
    *ret = t;
    sc_task_init(&t); /* handed over */
    return SC_OK;
}

static void set_text(struct sc_value *v, const char *name, const char *text)
{
    if (text)
        sc_value_set_str(v, name, text);
}

static void set_spec(struct sc_value *v, const struct sc_task *t)
{
    set_text(v, "from", t->from);
    set_text(v, "agent", t->agent);
    set_text(v, "capability", t->capability);
    set_text(v, "group", t->group);
    sc_value_set_int(v, "priority", t->priority);
    sc_value_set_int(v, "max_attempts", t->max_attempts);
    sc_value_set_int(v, "lease_s", t->lease_ms / 1000);
    sc_value_set_int(v, "timeout_s", t->timeout_ms / 1000);
    sc_value_set_int(v, "delay_s", t->delay_ms / 1000);
    sc_value_set_int(v, "backoff_s", t->backoff_ms / 1000);
}

void sc_task_to_entry(const struct sc_task *t, struct sc_buf *out)
{
    sc_auto_value struct sc_value *v = sc_value_object();
    set_text(v, "id", t->id);
    set_text(v, "body", t->body);
    set_spec(v, t);
    sc_value_dump(v, out);
}

static void set_time(struct sc_value *v, const char *name, sc_wall t)
{
    char text[SC_RFC3339_SIZE];
    if (!t.ms)
        return;
    sc_wall_format(t, text);
    sc_value_set_str(v, name, text);
}

struct sc_value *sc_task_value(const struct sc_task *t, bool with_body)
{
    struct sc_value *v = sc_value_object();
    char fence[SC_FENCE_TEXT_SIZE];
    sc_value_set_str(v, "id", t->id);
    sc_value_set_str(v, "state", sc_task_state_name(t->state));
    if (with_body)
        set_text(v, "body", t->body);
    set_spec(v, t);
    set_text(v, "home", t->home);
    sc_value_set_int(v, "attempts", t->attempts);
    set_text(v, "holder", t->holder);
    set_text(v, "holder_gateway", t->holder_gateway);
    if (t->fence) {
        sc_fence_format(t->fence, t->home, fence);
        sc_value_set_str(v, "fence", fence);
    }
    set_time(v, "created", t->created);
    set_time(v, "until", t->until);
    set_time(v, "finished", t->finished);
    set_text(v, "result", t->result);
    set_text(v, "reason", t->reason);
    if (!sc_task_is_open(t->state))
        sc_value_set_bool(v, "confirmed", t->confirmed);
    return v;
}
