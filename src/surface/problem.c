/* problem.c: each error code as HTTP says it. */
#include "sideclaw/mem.h"
#include "sideclaw/operations.h"

static const struct row {
    int status;
    const char *title;
} rows[] = {
    [-SC_OK] = { 200, "OK" },
    [-SC_EINVAL] = { 400, "Bad request" },
    [-SC_ENOENT] = { 404, "Not found" },
    [-SC_EEXIST] = { 409, "Already there" },
    [-SC_ETOOBIG] = { 413, "Too big" },
    [-SC_EFULL] = { 507, "No room" },
    [-SC_EAUTH] = { 401, "Not authorized" },
    [-SC_EPERM] = { 403, "Forbidden" },
    [-SC_EAWAY] = { 503, "A dependency is away" },
    [-SC_ETIMEDOUT] = { 504, "Timed out" },
    [-SC_EPROTO] = { 502, "A peer broke its protocol" },
    [-SC_EIO] = { 500, "Internal error" },
    [-SC_EBUSY] = { 429, "Too many requests" },
    [-SC_ECONFIG] = { 500, "Bad configuration" },
    [-SC_ECANCELED] = { 503, "Shutting down" },
};

static const struct row *row_of(enum sc_code code)
{
    int i = -(int)code;
    return &rows[i >= 0 && (size_t)i < SC_ARRAY_LEN(rows) ? i : -SC_EIO];
}

int sc_problem_status(enum sc_code code)
{
    return row_of(code)->status;
}

const char *sc_problem_title(enum sc_code code)
{
    return row_of(code)->title;
}
