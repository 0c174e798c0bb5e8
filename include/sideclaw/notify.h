/* notify.h: what a service manager is told (sd_notify(3)), without libsystemd: a datagram to the
 * socket that NOTIFY_SOCKET names. Source: sd_notify(3), "Standalone implementations". */
#ifndef SIDECLAW_NOTIFY_H
#define SIDECLAW_NOTIFY_H

#include <stdint.h>

#include "sideclaw/err.h"

struct sc_notify;

/* sc_notify_new: `address` as in NOTIFY_SOCKET: an absolute path, or "@name" in Linux's abstract
 * namespace. NULL on failure: SC_EINVAL (an address of another kind, or too long), SC_EIO. */
struct sc_notify *sc_notify_new(const char *address, struct sc_err *err);
void sc_notify_free(struct sc_notify *n);

/* sc_notify_say: "READY=1", "STOPPING=1\nSTATUS=…". Never waits: a manager that does not read loses
 * what it is told (SC_EBUSY), and is told anew with the next word. NULL for n: nobody listens. */
int sc_notify_say(struct sc_notify *n, const char *words, struct sc_err *err);

/* sc_notify_status: "STATUS=" with the text in one line, cut where it must be. */
int sc_notify_status(struct sc_notify *n, const char *text, struct sc_err *err);

/* sc_notify_watchdog_ms: how often to say WATCHDOG=1: half of WATCHDOG_USEC, as sd_watchdog_enabled
 * (3) advises. 0: nobody asks for it, or not this process (WATCHDOG_PID). */
int64_t sc_notify_watchdog_ms(const char *usec, const char *pid);

#endif
