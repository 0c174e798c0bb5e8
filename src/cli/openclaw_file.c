/* openclaw_file.c: a gateway's configuration as a file: read, changed in its text, written at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control_client.h"
#include "openclaw.h"
#include "sideclaw/file.h"
#include "sideclaw/json5.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/openclaw_config.h"

enum { ASK_MS = 10 * 1000 };

static struct sc_value *value_of(const struct sc_buf *text, struct sc_err *err)
{
    struct sc_json5 tree;
    if (sc_json5_parse(sc_buf_str(text), text->n, &tree, err) < 0)
        return NULL;
    struct sc_value *v = sc_json5_value(&tree, 0);
    sc_json5_fini(&tree);
    return v;
}

/* ---- servers: the daemon alone knows the tokens ---- */

static struct sc_value *ask_servers(const struct openclaw_job *job, const struct sc_strv *agents,
                                    struct sc_err *err)
{
    sc_auto_value struct sc_value *params = sc_value_object();
    struct sc_value *list = sc_value_array();
    for (size_t i = 0; i < agents->n; i++)
        sc_value_add_str(list, agents->v[i]);
    sc_value_set(params, "agents", list);
    const struct sc_control_request req = { .socket = job->cli->socket,
                                            .method = "gateway.servers",
                                            .params = params,
                                            .timeout_ms = ASK_MS };
    return sc_control_call(&req, err);
}

static struct sc_value *server(void *ctx, const char *agent)
{
    const struct sc_value *v = sc_value_get(sc_value_get(ctx, "servers"), agent);
    return v ? sc_value_ref(v) : sc_value_object();
}

/* The configuration as it should be; NULL on failure. */
static struct sc_value *plan(const struct openclaw_job *job, const struct sc_value *config,
                             struct sc_err *err)
{
    struct sc_strv agents = { 0 };
    if (sc_openclaw_agents(config, &agents, err) < 0)
        return NULL;
    sc_auto_value struct sc_value *servers = job->remove ? NULL : ask_servers(job, &agents, err);
    sc_strv_fini(&agents);
    if (!servers && !job->remove)
        return NULL;
    const struct sc_openclaw_want want = { .remove = job->remove,
                                           .only = &job->agents,
                                           .skill = job->skill,
                                           .server = server,
                                           .ctx = servers };
    return sc_openclaw_apply(config, &want, err);
}

/* ---- the text ---- */

/* Never write what does not read as what was meant. */
static int change_text(struct sc_buf *text, const struct sc_value *from, const struct sc_value *to,
                       struct sc_err *err)
{
    sc_auto_value struct sc_value *patch = sc_merge_patch(from, to, NULL);
    int r = sc_json5_patch(text, patch, err);
    if (r < 0)
        return r;
    sc_auto_value struct sc_value *now = value_of(text, err);
    if (!now || !sc_value_equal(now, to))
        return sc_fail(err, SC_ECONFIG, "it is written in a way that we cannot change");
    return SC_OK;
}

/* The new file has the old one's mode and owner: the gateway must be able to read it. */
static int write_back(const char *path, const struct sc_buf *was, const struct sc_buf *text,
                      struct sc_err *err)
{
    struct stat st;
    sc_auto_buf struct sc_buf now = SC_BUF_INIT;
    int r = sc_file_read(path, SC_OPENCLAW_FILE_MAX, &now, err);
    if (r < 0)
        return r;
    if (now.n != was->n || memcmp(sc_buf_str(&now), sc_buf_str(was), now.n) != 0)
        return sc_fail(err, SC_EBUSY, "somebody else has just changed it; try again");
    if (stat(path, &st) < 0)
        return sc_fail_errno(err, errno, "stat");
    r = sc_file_write(path, text->p, text->n, st.st_mode & 07777, err);
    if (r == SC_OK && (st.st_uid != geteuid() || st.st_gid != getegid()) &&
        chown(path, st.st_uid, st.st_gid) < 0)
        return sc_fail_errno(err, errno, "it was written, but cannot be given back to its owner");
    return r;
}

static struct sc_value *result_of(const struct openclaw_job *job, const char *path,
                                  struct sc_value *take_changes)
{
    struct sc_value *v = sc_value_object();
    bool changed = sc_value_count(take_changes) > 0 && !job->dry_run;
    sc_value_set_str(v, "way", "file");
    sc_value_set_str(v, "path", path);
    sc_value_set_bool(v, "changed", changed);
    sc_value_set_bool(v, "dry_run", job->dry_run);
    sc_value_set(v, "changes", take_changes);
    return v;
}

static struct sc_value *change_file(const struct openclaw_job *job, const char *path,
                                    struct sc_err *err)
{
    sc_auto_buf struct sc_buf was = SC_BUF_INIT, text = SC_BUF_INIT;
    if (sc_file_read(path, SC_OPENCLAW_FILE_MAX, &was, err) < 0)
        return NULL;
    sc_buf_add(&text, sc_buf_str(&was), was.n);
    sc_auto_value struct sc_value *from = value_of(&text, err);
    if (!from && err->code == SC_EINVAL)
        err->code = SC_ECONFIG;
    sc_auto_value struct sc_value *to = from ? plan(job, from, err) : NULL;
    if (!to || change_text(&text, from, to, err) < 0)
        return NULL;
    struct sc_value *changes = sc_openclaw_changes(from, to);
    if (sc_value_count(changes) && !job->dry_run && write_back(path, &was, &text, err) < 0) {
        sc_value_free(changes);
        return NULL;
    }
    return result_of(job, path, changes);
}

struct sc_value *openclaw_change_file(const struct openclaw_job *job, const char *path,
                                      struct sc_err *err)
{
    /* A link stays a link: what it leads to is replaced. */
    sc_auto_free char *real = realpath(path, NULL);
    if (!real) {
        (void)sc_fail_errno(err, errno, "%s", path);
        (void)sc_err_remedy(err, "name the gateway's configuration: --file PATH");
        return NULL;
    }
    struct sc_value *v = change_file(job, real, err);
    if (!v)
        (void)sc_err_wrap(err, "%s", real);
    return v;
}
