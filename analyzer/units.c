#include "analyzer/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

struct unit {
    const char *name;
    uint64_t size;
};

static const struct unit time_units[] = {{"ns", 1},     {"us", 1000},       {"ms", 1000000},
                                         {"s", SECOND}, {"m", 60 * SECOND}, {"h", 3600 * SECOND}};
static const struct unit size_units[] = {
    {"", 1}, {"K", UINT64_C(1) << 10}, {"M", UINT64_C(1) << 20}, {"G", UINT64_C(1) << 30}};

/* With one decimal where it tells something. */
static struct units_text in_unit(uint64_t value, uint64_t unit, const char *name)
{
    struct units_text result;
    uint64_t tenths = (uint64_t)((double)value / (double)unit * 10 + 0.5);
    if (tenths < 1000 && tenths % 10 != 0)
        snprintf(result.text, sizeof(result.text), "%" PRIu64 ".%" PRIu64 " %s", tenths / 10,
                 tenths % 10, name);
    else
        snprintf(result.text, sizeof(result.text), "%" PRIu64 " %s", (tenths + 5) / 10, name);
    return result;
}

static struct units_text in_two(uint64_t seconds, uint64_t unit, const char *name, uint64_t part,
                                const char *part_name)
{
    struct units_text result;
    uint64_t rest = seconds % unit / part;
    int length = snprintf(result.text, sizeof(result.text), "%" PRIu64 " %s", seconds / unit, name);
    if (rest)
        snprintf(result.text + length, sizeof(result.text) - (size_t)length, " %" PRIu64 " %s",
                 rest, part_name);
    return result;
}

struct units_text units_time(uint64_t ns)
{
    uint64_t seconds = ns / SECOND;
    if (ns < 1000)
        return in_unit(ns, 1, "ns");
    if (ns < 1000000)
        return in_unit(ns, 1000, "us");
    if (ns < SECOND)
        return in_unit(ns, 1000000, "ms");
    if (seconds < 60)
        return in_unit(ns, SECOND, "s");
    if (seconds < 600)
        return in_two(seconds, 60, "min", 1, "s");
    if (seconds < 3600)
        return in_unit(seconds / 60, 1, "min");
    if (seconds < 86400)
        return in_two(seconds, 3600, "h", 60, "min");
    return in_two(seconds, 86400, "d", 3600, "h");
}

struct units_text units_size(uint64_t bytes)
{
    static const char *const names[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned step = 0;
    while (step < 6 && bytes >> (10 * (step + 1)))
        step++;
    return in_unit(bytes, UINT64_C(1) << (10 * step), bytes == 1 ? "byte" : names[step]);
}

struct units_text units_exact(uint64_t bytes)
{
    struct units_text result = units_size(bytes);
    size_t length = strlen(result.text);
    if (bytes >= 1024)
        snprintf(result.text + length, sizeof(result.text) - length, " (%" PRIu64 " bytes)", bytes);
    return result;
}

struct units_text units_count(uint64_t count)
{
    struct units_text result;
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    char *to = result.text;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return result;
}

/* Reads digits and the name of a unit, nothing else. */
static int read_number(const char *text, const struct unit *units, size_t count, uint64_t *result)
{
    uint64_t value = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0)
        return -EINVAL;
    for (size_t i = 0; i < digits; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return -EINVAL;
    for (size_t i = 0; i < count; i++)
        if (strcmp(text + digits, units[i].name) == 0)
            return __builtin_mul_overflow(value, units[i].size, result) ? -EINVAL : 0;
    return -EINVAL;
}

int units_read_time(const char *text, uint64_t *ns)
{
    /* Zero alone needs no unit. */
    if (text[0] != '\0' && text[strspn(text, "0")] == '\0') {
        *ns = 0;
        return 0;
    }
    return read_number(text, time_units, sizeof(time_units) / sizeof(time_units[0]), ns);
}

int units_read_size(const char *text, uint64_t *bytes)
{
    return read_number(text, size_units, sizeof(size_units) / sizeof(size_units[0]), bytes);
}
