/* What agents declared of themselves, kept beside the spool (agents.json): it is rare and small,
 * and must be there before the gateway lists anybody. */
#include "app_internal.h"
#include "sideclaw/agent_json.h"
#include "sideclaw/file.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

static char *path_of(const struct sc_app *a)
{
    return sc_xasprintf("%s/agents.json", a->cfg.state_dir);
}

static void add_declared(void *ctx, const struct sc_agent_info *info)
{
    struct sc_buf *rows = ctx;
    if (rows->n > 0)
        sc_buf_adds(rows, ",\n");
    sc_agent_info_to_json(info, rows);
}

static int save(const struct sc_app *a, struct sc_err *err)
{
    sc_auto_free char *path = path_of(a);
    sc_auto_buf struct sc_buf rows = SC_BUF_INIT, text = SC_BUF_INIT;
    sc_registry_each_declared(a->registry, add_declared, &rows);
    sc_buf_addf(&text, "{\"v\":1,\"agents\":[\n%s\n]}\n", sc_buf_str(&rows));
    return sc_file_write(path, text.p, text.n, 0600, err);
}

int app_declare(void *app, const struct sc_agent_info *what, bool *ret_changed, struct sc_err *err)
{
    struct sc_app *a = app;
    int r = sc_registry_declare(a->registry, what, ret_changed, err);
    if (r < 0 || !*ret_changed)
        return r;
    sc_log_info(a->log, "registry.declared", SC_S("agent", what->id),
                SC_I("capabilities", what->capabilities.n));
    if (save(a, err) < 0)
        return sc_err_wrap(err, "declared until the next restart only");
    return SC_OK;
}

static void load_one(void *ctx, const struct sc_agent_info *info)
{
    struct sc_app *a = ctx;
    struct sc_err err = SC_ERR_INIT;
    bool changed;
    if (sc_registry_declare(a->registry, info, &changed, &err) < 0)
        sc_log_warn(a->log, "registry.agent_ignored", SC_S("id", info->id),
                    SC_S("reason", err.text));
}

static void ignore_gateway(void *ctx, const struct sc_gateway_info *g)
{
    (void)ctx, (void)g; /* nobody wrote one */
}

void app_load_declared(struct sc_app *a)
{
    const struct sc_view_fns fns = { .ctx = a, .agent = load_one, .gateway = ignore_gateway };
    sc_auto_free char *path = path_of(a);
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    struct sc_err err = SC_ERR_INIT;
    int r = sc_file_read(path, SC_DECLARED_FILE_MAX, &text, &err);
    if (r == SC_OK)
        r = sc_view_from_json(sc_buf_str(&text), text.n, &fns, &err);
    if (r < 0 && r != SC_ENOENT)
        sc_log_warn(a->log, "registry.undeclared", SC_S("reason", err.text),
                    SC_S("instead", "agents that declared themselves must do so again"));
}
