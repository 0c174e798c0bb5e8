/* What is said of asked-for work in Consul KV, and the mark of a message that asks for it. */
#include "sideclaw/task_note_json.h"

#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

static void set_time(struct sc_value *v, const char *name, sc_wall t)
{
    char text[SC_RFC3339_SIZE];
    if (!t.ms)
        return;
    sc_wall_format(t, text);
    sc_value_set_str(v, name, text);
}

struct sc_value *sc_task_note_value(const struct sc_task_note *n)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "id", n->name);
    sc_value_set_str(v, "state", sc_note_state_name(n->state));
    sc_value_set_str(v, "agent", n->agent);
    if (n->from)
        sc_value_set_str(v, "from", n->from);
    if (n->message)
        sc_value_set_str(v, "message", n->message);
    set_time(v, "created", n->queued);
    set_time(v, "started", n->started);
    set_time(v, "finished", n->finished);
    if (n->result)
        sc_value_set_str(v, "result", n->result);
    if (n->reason)
        sc_value_set_str(v, "reason", n->reason);
    return v;
}

char *sc_message_task(const struct sc_message *m)
{
    struct sc_err err = SC_ERR_INIT;
    if (!m->extra)
        return NULL;
    sc_auto_value struct sc_value *v = sc_value_parse(m->extra, strlen(m->extra), &err);
    const char *name = sc_value_get_str(v, "task");
    return name && sc_name_check("task", name, NULL) == SC_OK ? sc_xstrdup(name) : NULL;
}

void sc_message_set_task(struct sc_message *m, const char *name)
{
    sc_auto_value struct sc_value *v = sc_value_object();
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_value_set_str(v, "task", name);
    sc_value_dump(v, &text);
    sc_set_str(&m->extra, text.p);
}

struct sc_id sc_task_message_id(const char *name)
{
    struct sc_id id;
    return sc_id_parse(name, &id, NULL) == SC_OK ? id : sc_id_derive("task", name);
}
