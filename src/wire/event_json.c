#include "sideclaw/event_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

static void set(json_t *obj, const char *key, const char *s)
{
    if (s)
        (void)json_object_set_new(obj, key,
                                  json_string(s)); /* NULL, for what is no UTF-8: absent */
}

static json_t *to_object(const struct sc_event *e)
{
    char id[SC_ID_TEXT_SIZE], at[SC_RFC3339_SIZE];
    json_t *obj = json_object();
    sc_id_format(&e->id, id);
    if (!sc_id_is_zero(&e->id))
        set(obj, "id", id);
    if (e->at.ms > 0) {
        sc_wall_format(e->at, at);
        set(obj, "at", at);
    }
    set(obj, "kind", e->kind);
    set(obj, "agent", e->agent);
    set(obj, "gateway", e->gateway);
    set(obj, "text", e->text ? e->text : "");
    return obj;
}

static void dump(const json_t *v, struct sc_buf *out)
{
    sc_auto_free char *text = json_dumps(v, JSON_COMPACT);
    sc_assert(text);
    sc_buf_adds(out, text);
}

void sc_event_to_json(const struct sc_event *e, struct sc_buf *out)
{
    json_auto_t *obj = to_object(e);
    dump(obj, out);
}

/* ---- back ---- */

static char *cut(const char *s, size_t max)
{
    return s ? sc_xstrndup(s, sc_utf8_prefix(s, max)) : NULL;
}

static char *plain(const char *text, size_t n)
{
    if (!sc_utf8_valid(text, n))
        return sc_xasprintf("(%zu bytes that are no UTF-8 text)", n);
    sc_auto_free char *whole = sc_xstrndup(text, n);
    return cut(whole, SC_EVENT_TEXT_MAX);
}

static const char *field(const json_t *obj, const char *key)
{
    return json_string_value(json_object_get(obj, key));
}

/* An object without a text is shown as it is: whoever made it meant something. */
static void read_object(const json_t *obj, const char *text, size_t n, struct sc_event *ret)
{
    const char *id = field(obj, "id"), *at = field(obj, "at"), *said = field(obj, "text");
    if (id && sc_id_parse(id, &ret->id, NULL) < 0)
        ret->id = (struct sc_id){ { 0 } };
    if (at && sc_wall_parse(at, &ret->at, NULL) < 0)
        ret->at.ms = 0;
    ret->kind = cut(field(obj, "kind"), SC_NAME_MAX);
    ret->agent = cut(field(obj, "agent"), SC_NAME_MAX);
    ret->gateway = cut(field(obj, "gateway"), SC_NAME_MAX);
    ret->text = said ? cut(said, SC_EVENT_TEXT_MAX) : plain(text, n);
}

void sc_event_from_text(const char *text, size_t n, struct sc_event *ret)
{
    json_auto_t *obj = n <= SC_EVENT_MAX ? json_loadb(text, n, 0, NULL) : NULL;
    *ret = (struct sc_event){ 0 };
    if (json_is_object(obj))
        read_object(obj, text, n, ret);
    else
        ret->text = plain(text, n);
}

/* ---- recommendations ---- */

static void add_line(struct sc_buf *out, const json_t *entry)
{
    sc_buf_adds(out, out->n > 1 ? ",\n" : "\n");
    dump(entry, out);
}

static void keep_entry(struct sc_buf *out, const json_t *entry, const char *id)
{
    if (!json_is_object(entry) || sc_streq(field(entry, "id"), id))
        return;
    sc_auto_buf struct sc_buf line = SC_BUF_INIT;
    dump(entry, &line);
    if (line.n <= SC_EVENT_MAX)
        add_line(out, entry);
}

static void keep_text(struct sc_buf *out, const char *old, size_t n)
{
    struct sc_event said = { .text = plain(old, n) };
    json_auto_t *entry = to_object(&said);
    add_line(out, entry);
    sc_event_fini(&said);
}

void sc_recommendations_add(const char *old, size_t n, const struct sc_event *e, struct sc_buf *out)
{
    size_t i;
    json_t *entry;
    char id[SC_ID_TEXT_SIZE];
    json_auto_t *list = json_loadb(old, n, 0, NULL), *new = to_object(e);
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_id_format(&e->id, id);
    sc_buf_addc(&text, '[');
    add_line(&text, new);
    if (!json_is_array(list) && n > 0)
        keep_text(&text, old, n);
    json_array_foreach (list, i, entry)
        if (i + 1 < SC_ADVICE_MAX)
            keep_entry(&text, entry, id);
    sc_buf_adds(&text, "\n]\n");
    sc_buf_add(out, text.p, text.n);
}
