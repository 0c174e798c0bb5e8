/* log.h: one line per event: ts, level, event, then typed fields. Never a payload or a token.
 *   ts=2026-01-05T10:00:00.120Z level=info event=msg.sent node=gw-1 id=0197.. to=planner attempt=2
 * Levels: error = someone must act; warn = handled, and says what we do instead; info = the life of
 * an agent or a message; debug = the rest. */
#ifndef SIDECLAW_LOG_H
#define SIDECLAW_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "sideclaw/clock.h"
#include "sideclaw/id.h"

enum sc_log_level { SC_LOG_DEBUG, SC_LOG_INFO, SC_LOG_WARN, SC_LOG_ERROR };

/* One typed field; made by the macros below, never by hand. */
struct sc_field {
    const char *key;
    enum { SC_FIELD_STR, SC_FIELD_INT, SC_FIELD_ID } type;
    const char *s;
    int64_t i;
    const struct sc_id *id;
};
#define SC_S(k, v) ((struct sc_field){ .key = (k), .type = SC_FIELD_STR, .s = (v) })
#define SC_I(k, v) ((struct sc_field){ .key = (k), .type = SC_FIELD_INT, .i = (int64_t)(v) })
#define SC_ID(k, v) ((struct sc_field){ .key = (k), .type = SC_FIELD_ID, .id = (v) })

struct sc_log;
struct sc_loop;

/* sc_log_new: writes to `fd` (borrowed) with one write(2) a line; `node` (copied, may be NULL)
 * becomes a field of each line. */
struct sc_log *sc_log_new(int fd, enum sc_log_level level, const char *node, struct sc_clock clock);
/* sc_log_gather: from here on the lines of a turn are written together at its end, with one
 * write(2); warnings and errors still at once, with those before them. `loop` NULL: back to one by
 * one, before the loop is freed. */
void sc_log_gather(struct sc_log *log, struct sc_loop *loop);
void sc_log_free(struct sc_log *log);
void sc_log_set_level(struct sc_log *log, enum sc_log_level level);
bool sc_log_enabled(const struct sc_log *log, enum sc_log_level level);
/* false when the text is no level. */
bool sc_log_level_parse(const char *s, enum sc_log_level *ret);

/* log may be NULL: nothing is written (tests, fuzzers). Values are quoted and escaped when needed,
 * and cut at 512 bytes. */
void sc_log_write(struct sc_log *log, enum sc_log_level level, const char *event,
                  const struct sc_field *fields, int n);

/* The leading dummy lets the list be empty. */
#define SC_LOG_(log, level, event, ...)                                                            \
    do {                                                                                           \
        if (sc_log_enabled((log), (level))) {                                                      \
            const struct sc_field sc_f_[] = { { .key = NULL }, ##__VA_ARGS__ };                    \
            sc_log_write((log), (level), (event), sc_f_ + 1,                                       \
                         (int)(sizeof sc_f_ / sizeof sc_f_[0]) - 1);                               \
        }                                                                                          \
    } while (0)
#define sc_log_debug(log, event, ...) SC_LOG_(log, SC_LOG_DEBUG, event, ##__VA_ARGS__)
#define sc_log_info(log, event, ...) SC_LOG_(log, SC_LOG_INFO, event, ##__VA_ARGS__)
#define sc_log_warn(log, event, ...) SC_LOG_(log, SC_LOG_WARN, event, ##__VA_ARGS__)
#define sc_log_error(log, event, ...) SC_LOG_(log, SC_LOG_ERROR, event, ##__VA_ARGS__)

#endif
