#include "sideclaw/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    if (clock_gettime(id, &ts) < 0)
        return 0; /* cannot happen for these clocks on Linux >= 2.6.39 */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static sc_mono system_mono(void *impl)
{
    (void)impl;
    return (sc_mono){ read_clock(CLOCK_BOOTTIME) };
}

static sc_wall system_wall(void *impl)
{
    (void)impl;
    return (sc_wall){ read_clock(CLOCK_REALTIME) };
}

static sc_tick system_tick(void *impl)
{
    struct timespec ts;
    (void)impl;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (sc_tick){ (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 };
}

struct sc_clock sc_clock_system(void)
{
    return (struct sc_clock){ .mono = system_mono, .wall = system_wall, .tick = system_tick };
}

static void format(sc_wall t, bool fraction, char ret[SC_RFC3339_SIZE])
{
    int64_t s = t.ms / 1000, ms = t.ms % 1000;
    if (ms < 0) {
        ms += 1000;
        s -= 1;
    }
    time_t secs = (time_t)s;
    struct tm tm;
    if (!gmtime_r(&secs, &tm)) {
        ret[0] = 0;
        return;
    }
    /* Not strftime's %Y: it writes the year 5 as one digit, which RFC 3339 does not know. */
    size_t n = (size_t)snprintf(ret, SC_RFC3339_SIZE, "%04lld", (long long)tm.tm_year + 1900);
    n += strftime(ret + n, SC_RFC3339_SIZE - n, "-%m-%dT%H:%M:%S", &tm);
    if (fraction)
        (void)snprintf(ret + n, SC_RFC3339_SIZE - n, ".%03dZ", (int)ms);
    else
        (void)snprintf(ret + n, SC_RFC3339_SIZE - n, "Z");
}

void sc_wall_format(sc_wall t, char ret[SC_RFC3339_SIZE])
{
    format(t, true, ret);
}

void sc_wall_format_s(sc_wall t, char ret[SC_RFC3339_SIZE])
{
    format(t, false, ret);
}

/* Exactly `digits` of them, in [min, max]; returns what follows, NULL when they are not there. */
static const char *number(const char *p, int digits, int min, int max, int *ret)
{
    int v = 0;
    for (int i = 0; p && i < digits; i++, p++) {
        if (*p < '0' || *p > '9')
            return NULL;
        v = v * 10 + (*p - '0');
    }
    *ret = v;
    return v >= min && v <= max ? p : NULL;
}

static const char *mark(const char *p, const char *allowed)
{
    return p && *p && strchr(allowed, *p) ? p + 1 : NULL;
}

static int days_of(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* strptime(3) skips blanks and takes the 30th of February, so the digits are read here. */
static const char *parse_seconds(const char *p, int64_t *ret_s)
{
    int year = 0, month = 1, day = 0, hour = 0, minute = 0, second = 0;
    p = mark(number(p, 4, 0, 9999, &year), "-");
    p = mark(number(p, 2, 1, 12, &month), "-");
    p = mark(p ? number(p, 2, 1, days_of(year, month), &day) : NULL, "Tt");
    p = mark(number(p, 2, 0, 23, &hour), ":");
    p = mark(number(p, 2, 0, 59, &minute), ":");
    p = number(p, 2, 0, 60, &second); /* 60: a leap second */
    if (!p)
        return NULL;
    struct tm tm = { .tm_year = year - 1900,
                     .tm_mon = month - 1,
                     .tm_mday = day,
                     .tm_hour = hour,
                     .tm_min = minute,
                     .tm_sec = second };
    *ret_s = (int64_t)timegm(&tm);
    return p;
}

/* ".120" -> 120 ms; returns what follows the digits, NULL when the dot has none. */
static const char *parse_fraction(const char *p, int64_t *ret_ms)
{
    int64_t ms = 0, scale = 100;
    if (!p || *p != '.')
        return p;
    const char *digits = p + 1;
    for (p = digits; *p >= '0' && *p <= '9'; p++, scale /= 10)
        ms += (*p - '0') * scale;
    *ret_ms = ms;
    return p == digits ? NULL : p;
}

/* "Z" or "+02:00" -> seconds east of UTC; returns what follows. */
static const char *parse_offset(const char *p, int64_t *ret_s)
{
    int hour, minute;
    if (!p || *p == 'Z' || *p == 'z')
        return p ? p + 1 : NULL;
    int64_t sign = *p == '-' ? -1 : 1;
    p = mark(number(mark(p, "+-"), 2, 0, 23, &hour), ":");
    p = number(p, 2, 0, 59, &minute);
    if (p)
        *ret_s = sign * (hour * 3600 + minute * 60);
    return p;
}

/* What an offset moves out of these years could not be written down again. */
static const sc_wall first_wall = { INT64_C(-62167219200000) },
                     last_wall = { INT64_C(253402300799999) };

int sc_wall_parse(const char *s, sc_wall *ret, struct sc_err *err)
{
    int64_t sec = 0, ms = 0, offset = 0;
    const char *p = parse_offset(parse_fraction(parse_seconds(s, &sec), &ms), &offset);
    int64_t at = (sec - offset) * 1000 + ms;
    if (!p || *p || at < first_wall.ms || at > last_wall.ms)
        return sc_fail(err, SC_EINVAL, "'%.40s' is not a time like 2026-02-16T12:00:00Z",
                       s ? s : "");
    ret->ms = at;
    return SC_OK;
}
