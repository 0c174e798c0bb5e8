/* checks.h: port: one look at the gateway beside us each, to learn how it is
 * (store/gateway_checks.c over HTTP and the WebSocket, app/app_process.c in /proc). When to look,
 * and what an answer means, is decided in domain/probe.c. */
#ifndef SIDECLAW_CHECKS_H
#define SIDECLAW_CHECKS_H

#include <stdint.h>

enum sc_check_id {
    SC_CHECK_LIVE,     /* GET /healthz, by body */
    SC_CHECK_STARTUP,  /* GET /startupz, by body */
    SC_CHECK_READY,    /* GET /readyz, by body */
    SC_CHECK_WS,       /* the WebSocket: connected, and how old the last tick is */
    SC_CHECK_RPC,      /* a cheap call over it */
    SC_CHECK_LOGIN,    /* does the gateway accept our token and device */
    SC_CHECK_PROCESS,  /* is its process there */
    SC_CHECK_CHANNELS, /* what it says of its channels */
    SC_CHECK_MODELS,   /* what it says of its model providers */
    SC_CHECKS
};

enum sc_check_answer {
    SC_ANSWER_GOOD,
    SC_ANSWER_BAD,      /* it answered, and is not well; a process: it is stopped */
    SC_ANSWER_STARTING, /* it says that it starts */
    SC_ANSWER_SILENT,   /* it was asked and said nothing */
    SC_ANSWER_REFUSED,  /* nothing listens; a process: it was there, and is gone */
    SC_ANSWER_NONE,     /* it could not be asked: proves nothing */
    SC_ANSWER_OFF       /* there is nothing to ask: this gateway does not tell, or is elsewhere */
};
enum { SC_ANSWERS = SC_ANSWER_OFF + 1 };

struct sc_check_result {
    enum sc_check_answer answer;
    char text[200];   /* a sentence, or "" */
    char remedy[128]; /* the next step, or "" */
    int64_t pid;      /* SC_CHECK_PROCESS: which one, and for how long it runs */
    int64_t age_ms;
};

typedef void sc_check_fn(void *ctx, const struct sc_check_result *result);

struct sc_check;
struct sc_checks {
    /* fn runs once, from the loop, and never before this has returned; whoever asks bounds the time
     * and cancels. wait_ms is how long the asker means to wait. */
    struct sc_check *(*start)(void *impl, enum sc_check_id id, int64_t wait_ms, sc_check_fn *fn,
                              void *ctx);
    void (*cancel)(void *impl, struct sc_check *check); /* fn does not run; NULL is fine */
    void *impl;
};

#endif
