#include "sideclaw/id.h"

#include <sodium.h>
#include <string.h>
#include <uuid/uuid.h>

#include "sideclaw/parse.h"

enum { UUID_VERSION_TIME = 7, UUID_VERSION_CUSTOM = 8 };

static void set_version(struct sc_id *id, unsigned version)
{
    id->b[6] = (uint8_t)((id->b[6] & 0x0f) | (version << 4));
    id->b[8] = (uint8_t)((id->b[8] & 0x3f) | 0x80);
}

struct sc_id sc_id_new(sc_wall now)
{
    struct sc_id id;
    randombytes_buf(id.b, sizeof id.b); /* libuuid's stirs for five times as long */
    uint64_t ms = (uint64_t)now.ms;
    for (int i = 5; i >= 0; i--, ms >>= 8)
        id.b[i] = (uint8_t)(ms & 0xff);
    set_version(&id, UUID_VERSION_TIME);
    return id;
}

struct sc_id sc_id_derive(const char *space, const char *name)
{
    struct sc_id id;
    /* The space is the key, so that equal names of two spaces differ. */
    uint8_t key[crypto_generichash_KEYBYTES] = { 0 };
    (void)crypto_generichash(key, sizeof key, (const uint8_t *)space, strlen(space), NULL, 0);
    (void)crypto_generichash(id.b, sizeof id.b, (const uint8_t *)name, strlen(name), key,
                             sizeof key);
    set_version(&id, UUID_VERSION_CUSTOM);
    return id;
}

void sc_id_format(const struct sc_id *id, char ret[SC_ID_TEXT_SIZE])
{
    static const uint8_t dash_before[] = { 4, 6, 8, 10 };
    size_t dash = 0, out = 0;
    for (size_t i = 0; i < sizeof id->b; i++) {
        if (dash < sizeof dash_before && dash_before[dash] == i) {
            ret[out++] = '-';
            dash++;
        }
        sc_hex(&id->b[i], 1, ret + out);
        out += 2;
    }
}

int sc_id_parse(const char *s, struct sc_id *ret, struct sc_err *err)
{
    uuid_t u;
    if (!s || strnlen(s, SC_ID_TEXT_SIZE) != SC_ID_TEXT_SIZE - 1 || uuid_parse(s, u) < 0)
        return sc_fail(err, SC_EINVAL, "'%.40s' is not a message id (a UUID)", s ? s : "");
    memcpy(ret->b, u, sizeof ret->b);
    return SC_OK;
}

bool sc_id_eq(const struct sc_id *a, const struct sc_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool sc_id_is_zero(const struct sc_id *id)
{
    static const struct sc_id zero;
    return sc_id_eq(id, &zero);
}
