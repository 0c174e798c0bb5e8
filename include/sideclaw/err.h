/* err.h: what went wrong, as a code for programs and a sentence for people. */
#ifndef SIDECLAW_ERR_H
#define SIDECLAW_ERR_H

#include <stdbool.h>

#define SC_MUST_CHECK __attribute__((warn_unused_result))
#define SC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Every fallible function returns SC_OK or one of these. A surface maps them to HTTP and exit codes
 * in one table (surface/problem.c), so a new code needs a row there. */
enum sc_code {
    SC_OK = 0,
    SC_EINVAL = -1,    /* the caller's input is wrong */
    SC_ENOENT = -2,    /* no such agent, message, key */
    SC_EEXIST = -3,    /* already there, or claimed by another */
    SC_ETOOBIG = -4,   /* over a named limit */
    SC_EFULL = -5,     /* spool or disk has no room */
    SC_EAUTH = -6,     /* no or wrong credential */
    SC_EPERM = -7,     /* a credential that may not do this */
    SC_EAWAY = -8,     /* a dependency does not answer */
    SC_ETIMEDOUT = -9, /* a deadline passed */
    SC_EPROTO = -10,   /* a peer broke its protocol */
    SC_EIO = -11,      /* the operating system refused */
    SC_EBUSY = -12,    /* try again later */
    SC_ECONFIG = -13,  /* the configuration is wrong */
    SC_ECANCELED = -14 /* closed before it was done */
};

enum { SC_ERR_TEXT_MAX = 256 };

/* A value: fixed text, so that failing needs no memory. `remedy` is the next step for a person; it
 * may be empty. */
struct sc_err {
    enum sc_code code;
    char text[SC_ERR_TEXT_MAX];
    char remedy[SC_ERR_TEXT_MAX];
};

#define SC_ERR_INIT                                                                                \
    {                                                                                              \
        .code = SC_OK, .text = "", .remedy = ""                                                    \
    }

/* sc_fail: set `err` (may be NULL) and return `code`, so that a failure is one return statement. */
int sc_fail(struct sc_err *err, enum sc_code code, const char *fmt, ...) SC_PRINTF(3, 4);

/* sc_fail_errno: as sc_fail, with ": <strerror>" appended; ENOSPC and EDQUOT become SC_EFULL, all
 * others SC_EIO. */
int sc_fail_errno(struct sc_err *err, int errnum, const char *fmt, ...) SC_PRINTF(3, 4);

/* sc_err_wrap: put "<text>: " before what `err` says; returns its code. */
int sc_err_wrap(struct sc_err *err, const char *fmt, ...) SC_PRINTF(2, 3);

/* sc_err_remedy: set the next step a person should take; returns the code, so it can end a
 * function. */
int sc_err_remedy(struct sc_err *err, const char *fmt, ...) SC_PRINTF(2, 3);

/* sc_code_name: the code's short name ("not_found"), for logs and JSON. Static storage. */
const char *sc_code_name(enum sc_code code);

#endif
