/* send.c: send, and ask, which waits. */
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "control_client.h"
#include "sideclaw/mem.h"
#include "sideclaw/paths.h"

enum { ASK_DEFAULT_S = 120, MARGIN_MS = 5 * 1000, QUIET_MS = 2 * 1000 };

static void copy_flag(const struct sc_args *args, const char *flag, struct sc_value *params,
                      const char *name)
{
    if (sc_args_has(args, flag))
        sc_value_set_str(params, name, sc_args_text(args, flag));
}

/* The parameters of message.send; NULL on a mistake, which was printed. */
static struct sc_value *message_params(const struct sc_cli *cli, const struct sc_args *args,
                                       int *ret_exit)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf body = SC_BUF_INIT;
    if (!sc_args_has(args, "--to") && !sc_args_has(args, "--capability")) {
        *ret_exit = sc_cli_usage(cli, "to whom? --to AGENT is missing");
        return NULL;
    }
    if (sc_cli_body(args, &body, &err) < 0) {
        *ret_exit = sc_cli_fail(cli, &err);
        return NULL;
    }
    struct sc_value *params = sc_value_object();
    const char *from = sc_args_text(args, "--from");
    from = from ? from : sc_env_get(cli->envp, "AGENT_ID");
    if (from)
        sc_value_set_str(params, "from", from);
    sc_value_set_str(params, "body", sc_buf_str(&body));
    copy_flag(args, "--to", params, "to");
    copy_flag(args, "--capability", params, "capability");
    copy_flag(args, "--thread", params, "thread");
    copy_flag(args, "--id", params, "id");
    if (sc_args_has(args, "--ttl"))
        sc_value_set_int(params, "ttl_s", sc_args_int(args, "--ttl", 0));
    return params;
}

/* A message that cannot arrive any more is a failure, whatever the daemon accepted. */
static int check_dead(const struct sc_cli *cli, const struct sc_value *result)
{
    struct sc_err err = SC_ERR_INIT;
    if (!sc_streq(sc_value_get_str(result, "stage"), "dead"))
        return SC_EXIT_OK;
    const char *reason = sc_value_get_str(result, "reason");
    (void)sc_fail(&err, SC_EPROTO, "the message is dead: %s", reason ? reason : "no reason given");
    (void)sc_err_remedy(&err, "sideclaw show %s", sc_value_get_str(result, "id"));
    return sc_cli_fail(cli, &err);
}

static void show_sent(struct sc_writer *w, const struct sc_value *v)
{
    sc_writer_line(w, "%s  %s", sc_value_get_str(v, "id"), sc_value_get_str(v, "stage"));
}

/* Whom the daemon chose is news. */
static void show_chosen(struct sc_writer *w, const struct sc_value *v)
{
    sc_writer_line(w, "%s  %s  to %s", sc_value_get_str(v, "id"), sc_value_get_str(v, "stage"),
                   sc_value_get_str(v, "to"));
}

int sc_cmd_send(struct sc_cli *cli, const struct sc_args *args)
{
    int code = SC_EXIT_OK;
    sc_auto_value struct sc_value *params = message_params(cli, args, &code);
    if (!params)
        return code;
    sc_auto_value struct sc_value *result = sc_cli_call(cli, "message.send", params, &code);
    if (!result)
        return code;
    cli->writer.ops->result(&cli->writer, result,
                            sc_args_has(args, "--capability") ? show_chosen : show_sent);
    return check_dead(cli, result);
}

static void show_reply(struct sc_writer *w, const struct sc_value *v)
{
    const char *body = sc_value_get_str(sc_value_get(v, "reply"), "body");
    if (body)
        sc_writer_body(w, body);
}

/* Somebody sits there: say that it goes on. */
struct progress {
    const char *to;
    bool shown;
};

static void on_tick(void *ctx, int64_t waited_ms)
{
    struct progress *p = ctx;
    if (waited_ms < QUIET_MS)
        return;
    p->shown = true;
    (void)fprintf(stderr, "\rwaiting for %s … %lld s ", p->to, (long long)(waited_ms / 1000));
}

static int timed_out(const struct sc_cli *cli, const struct sc_value *v, const char *to,
                     int64_t timeout_s)
{
    struct sc_err err = SC_ERR_INIT;
    const char *id = sc_value_get_str(v, "id");
    (void)sc_fail(&err, SC_ETIMEDOUT, "no reply from %s within %lld s; the message is %s", to,
                  (long long)timeout_s, sc_value_get_str(v, "stage"));
    (void)sc_err_remedy(&err, "sideclaw show %s; the reply will come to: sideclaw inbox %s", id,
                        sc_value_get_str(v, "from"));
    return sc_cli_fail(cli, &err);
}

int sc_cmd_ask(struct sc_cli *cli, const struct sc_args *args)
{
    int code = SC_EXIT_OK;
    int64_t timeout_s = sc_args_int(args, "--timeout", ASK_DEFAULT_S);
    sc_auto_value struct sc_value *params = message_params(cli, args, &code);
    if (!params)
        return code;
    sc_value_set_int(params, "wait_ms", timeout_s * 1000);
    const char *to = sc_args_text(args, "--to");
    struct progress progress = { .to = to ? to : sc_args_text(args, "--capability") };
    const struct sc_control_request req = { .socket = cli->socket,
                                            .method = "message.send",
                                            .params = params,
                                            .timeout_ms = timeout_s * 1000 + MARGIN_MS,
                                            .tick = isatty(STDERR_FILENO) ? on_tick : NULL,
                                            .ctx = &progress };
    struct sc_err err = SC_ERR_INIT;
    sc_auto_value struct sc_value *result = sc_control_call(&req, &err);
    if (progress.shown)
        (void)fputs("\r\033[K", stderr);
    if (!result)
        return sc_cli_fail(cli, &err);
    cli->writer.ops->result(&cli->writer, result, show_reply);
    if (sc_value_get_bool(result, "timed_out", false))
        return timed_out(cli, result, progress.to, timeout_s);
    return check_dead(cli, result);
}
