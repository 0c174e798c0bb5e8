/* writer_json.c: the daemon's object, as it is. */
#include "writer.h"

static void result(struct sc_writer *w, const struct sc_value *v, sc_show_fn *show)
{
    (void)show; /* that is for people */
    sc_value_dump_pretty(v, &w->out);
    sc_buf_addc(&w->out, '\n');
}

const struct sc_writer_ops sc_writer_json = { .result = result };
