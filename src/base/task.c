#include "sideclaw/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

static const char *const names[SC_TASK_STATES] = {
    [SC_TASK_QUEUED] = "queued", [SC_TASK_WAITING] = "waiting", [SC_TASK_RUNNING] = "running",
    [SC_TASK_DONE] = "done",     [SC_TASK_DEAD] = "dead",       [SC_TASK_CANCELLED] = "cancelled",
};

const char *sc_task_state_name(enum sc_task_state s)
{
    return names[s];
}

bool sc_task_state_parse(const char *word, enum sc_task_state *ret)
{
    for (int i = 0; i < SC_TASK_STATES; i++) {
        if (!sc_streq(names[i], word))
            continue;
        *ret = (enum sc_task_state)i;
        return true;
    }
    return false;
}

void sc_task_init(struct sc_task *t)
{
    *t = (struct sc_task){ .priority = SC_TASK_PRIORITY,
                           .max_attempts = SC_TASK_ATTEMPTS,
                           .lease_ms = SC_TASK_LEASE_MS,
                           .backoff_ms = SC_TASK_BACKOFF_MS };
}

void sc_task_fini(struct sc_task *t)
{
    free(t->id);
    free(t->body);
    free(t->from);
    free(t->home);
    free(t->agent);
    free(t->capability);
    free(t->group);
    free(t->holder);
    free(t->holder_gateway);
    free(t->result);
    free(t->reason);
    sc_task_init(t);
}

void sc_task_copy(struct sc_task *dst, const struct sc_task *src)
{
    *dst = *src;
    dst->id = sc_xstrdup(src->id);
    dst->body = sc_xstrdup(src->body);
    dst->from = sc_xstrdup(src->from);
    dst->home = sc_xstrdup(src->home);
    dst->agent = sc_xstrdup(src->agent);
    dst->capability = sc_xstrdup(src->capability);
    dst->group = sc_xstrdup(src->group);
    dst->holder = sc_xstrdup(src->holder);
    dst->holder_gateway = sc_xstrdup(src->holder_gateway);
    dst->result = sc_xstrdup(src->result);
    dst->reason = sc_xstrdup(src->reason);
}

static int check_text(const char *what, const char *s, size_t max, struct sc_err *err)
{
    size_t n = s ? strlen(s) : 0;
    if (n > max)
        return sc_fail(err, SC_ETOOBIG, "%s: it has %zu bytes; %zu is the most", what, n, max);
    if (s && !sc_utf8_valid(s, n))
        return sc_fail(err, SC_EINVAL, "%s: it is not valid UTF-8", what);
    return SC_OK;
}

static int check_name(const char *what, const char *s, struct sc_err *err)
{
    return s ? sc_name_check(what, s, err) : SC_OK;
}

static int check_times(const struct sc_task *t, struct sc_err *err)
{
    const int64_t max = (int64_t)SC_TASK_TIME_MAX_S * 1000;
    const struct {
        const char *name;
        int64_t ms, min;
    } times[] = { { "lease_s", t->lease_ms, 1000 },
                  { "timeout_s", t->timeout_ms, 0 },
                  { "delay_s", t->delay_ms, 0 },
                  { "backoff_s", t->backoff_ms, 0 } };
    for (size_t i = 0; i < SC_ARRAY_LEN(times); i++)
        if (times[i].ms < times[i].min || times[i].ms > max)
            return sc_fail(err, SC_EINVAL, "%s: between %" PRId64 " and %d seconds are possible",
                           times[i].name, times[i].min / 1000, SC_TASK_TIME_MAX_S);
    return SC_OK;
}

int sc_task_check(const struct sc_task *t, struct sc_err *err)
{
    if (!t->body || !*t->body)
        return sc_fail(err, SC_EINVAL, "body: it is missing or empty");
    if (check_text("body", t->body, SC_TASK_BODY_MAX, err) < 0 ||
        check_text("from", t->from, (size_t)2 * SC_NAME_MAX, err) < 0 ||
        check_name("agent", t->agent, err) < 0 || check_name("group", t->group, err) < 0 ||
        check_text("capability", t->capability, SC_NAME_MAX, err) < 0 ||
        check_name("id", t->id, err) < 0)
        return err ? (int)err->code : SC_EINVAL;
    if (t->id && strlen(t->id) > SC_TASK_ID_MAX)
        return sc_fail(err, SC_EINVAL, "id: more than %d bytes", SC_TASK_ID_MAX);
    if (!!t->agent + !!t->capability + !!t->group > 1)
        return sc_fail(err, SC_EINVAL, "agent, capability and group exclude each other");
    if (t->priority < 0 || t->priority > SC_TASK_PRIORITY_MAX)
        return sc_fail(err, SC_EINVAL, "priority: it is between 0 and %d", SC_TASK_PRIORITY_MAX);
    if (t->max_attempts < 1 || t->max_attempts > SC_TASK_ATTEMPTS_MAX)
        return sc_fail(err, SC_EINVAL, "max_attempts: it is between 1 and %d",
                       SC_TASK_ATTEMPTS_MAX);
    return check_times(t, err);
}

void sc_fence_format(uint64_t fence, const char *home, char ret[SC_FENCE_TEXT_SIZE])
{
    (void)snprintf(ret, SC_FENCE_TEXT_SIZE, "%" PRIu64 "%s%.*s", fence, home ? "@" : "",
                   SC_NAME_MAX, home ? home : "");
}

int sc_fence_parse(const char *text, uint64_t *ret, const char **ret_home, struct sc_err *err)
{
    uint64_t fence = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && p - text < 16; p++)
        fence = fence * 10 + (uint64_t)(*p - '0');
    if (p == text || fence == 0 || (*p && *p != '@') ||
        (*p == '@' && sc_name_check("fence", p + 1, NULL) < 0)) {
        (void)sc_fail(err, SC_EINVAL, "fence: that is no fencing id");
        return sc_err_remedy(err, "give back the `fence` that pop_task gave you, as it is");
    }
    *ret = fence;
    *ret_home = *p ? p + 1 : NULL;
    return SC_OK;
}
