#include <stdlib.h>
#include <string.h>

#include "memory_internal.h"
#include "sideclaw/mem.h"

struct memory_batch *sc_memory_batch_new(const char *agent)
{
    struct memory_batch *b = sc_xcalloc(1, sizeof *b);
    b->agent = sc_xstrdup(agent);
    return b;
}

void sc_memory_batch_free(struct memory_batch *b)
{
    if (!b)
        return;
    free(b->agent);
    sc_buf_fini(&b->text);
    free(b);
}

bool sc_memory_batch_full(const struct memory_batch *b)
{
    return b->n == SC_MEMORY_BATCH_MAX || b->text.n >= SC_MEMORY_BATCH_BYTES_MAX;
}

void sc_memory_batch_add(struct memory_batch *b, const struct sc_memory_entry *e)
{
    sc_assert(b->n < SC_MEMORY_BATCH_MAX);
    b->entries[b->n] = *e;
    b->at[b->n][0] = b->text.n;
    sc_buf_add(&b->text, e->key, strlen(e->key) + 1);
    b->at[b->n][1] = b->text.n;
    if (e->value)
        sc_buf_add(&b->text, e->value, e->n);
    b->n++;
}

void sc_memory_batch_seal(struct memory_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        b->entries[i].agent = b->agent;
        b->entries[i].key = b->text.p + b->at[i][0];
        if (b->entries[i].value)
            b->entries[i].value = b->text.p + b->at[i][1];
    }
}
