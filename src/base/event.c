#include "sideclaw/event.h"

#include <stdlib.h>

#include "sideclaw/mem.h"

void sc_event_fini(struct sc_event *e)
{
    free(e->kind);
    free(e->agent);
    free(e->gateway);
    free(e->text);
    free(e->once);
    *e = (struct sc_event){ 0 };
}

struct sc_event *sc_event_copy(const struct sc_event *e)
{
    struct sc_event *c = sc_xmalloc(sizeof *c);
    *c = (struct sc_event){
        .id = e->id,
        .at = e->at,
        .kind = sc_xstrdup(e->kind),
        .agent = sc_xstrdup(e->agent),
        .gateway = sc_xstrdup(e->gateway),
        .text = sc_xstrdup(e->text),
        .once = sc_xstrdup(e->once),
    };
    return c;
}

void sc_event_free(struct sc_event *e)
{
    if (!e)
        return;
    sc_event_fini(e);
    free(e);
}
