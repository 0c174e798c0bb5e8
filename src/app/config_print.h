/* config_print.h: what the views of the option table share. */
#ifndef SIDECLAW_APP_CONFIG_PRINT_H
#define SIDECLAW_APP_CONFIG_PRINT_H

#include "options.h"
#include "sideclaw/buf.h"

/* One view: what goes before and after all options, around a group, and for an option. */
struct sc_config_view {
    const char *name;
    const char *head, *tail;
    void (*group)(struct sc_buf *out, const struct sc_option_group *g, bool ends);
    void (*option)(struct sc_buf *out, const struct sc_option *o);
};
extern const struct sc_config_view sc_view_text, sc_view_sample;  /* config_print_text.c */
extern const struct sc_config_view sc_view_markdown, sc_view_man; /* config_print_docs.c */

/* Words of `text` in lines of at most 100 bytes, each begun by `prefix`. */
void sc_print_wrapped(struct sc_buf *out, const char *prefix, const char *text);
/* The default in words; NULL when there is nothing to say. */
const char *sc_print_default(const struct sc_option *o);
/* What may stand there: "1 to 3600 seconds", "device or token"; nothing for free text. */
void sc_print_range(struct sc_buf *out, const struct sc_option *o);
/* "default 15; 1 to 3600 seconds; also $X; SIGHUP applies it" */
void sc_print_facts(struct sc_buf *out, const struct sc_option *o);

#endif
