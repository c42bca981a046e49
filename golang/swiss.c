#include "golang/swiss.h"

#include <string.h>

void go_swiss_collection(struct go_swiss *swiss, uint64_t end_ns)
{
    swiss->end_ns = end_ns;
}

void go_swiss_event(struct go_swiss *swiss, bool split, uint64_t ns)
{
    struct go_swiss_group *group =
        swiss->end_ns && ns > swiss->end_ns ? &swiss->later : &swiss->waiting;

    swiss->grows += !split;
    swiss->splits += split;
    if (group->count++ == 0)
        group->first_ns = ns;
    if (ns > group->first_ns)
        group->after_ns += ns - group->first_ns;
}

void go_swiss_drained(struct go_swiss *swiss)
{
    const struct go_swiss_group *waiting = &swiss->waiting;

    if (!swiss->end_ns)
        return;
    /* It can have ended just before, and have been seen only now. */
    uint64_t longest = swiss->end_ns > waiting->first_ns ? swiss->end_ns - waiting->first_ns : 0;
    if (waiting->count) {
        swiss->collected += waiting->count;
        if (waiting->count * longest > waiting->after_ns)
            swiss->stayed_ns += waiting->count * longest - waiting->after_ns;
        if (longest > swiss->longest_ns)
            swiss->longest_ns = longest;
    }
    swiss->waiting = swiss->later;
    swiss->later = (struct go_swiss_group){0};
    swiss->end_ns = 0;
}

/* --- in words ------------------------------------------------------------------------- */

static char *append(char *at, const char *text)
{
    size_t bytes = strlen(text);

    memcpy(at, text, bytes);
    return at + bytes;
}

static char *append_number(char *at, uint64_t number)
{
    char digits[24], *first = digits + sizeof digits - 1;

    *first = 0;
    do
        *--first = (char)('0' + number % 10);
    while (number /= 10);
    return append(at, first);
}

static char *append_time(char *at, uint64_t ns)
{
    if (ns < 10000000)
        return append(append_number(at, ns / 1000), " us");
    return append(append_number(at, ns / 1000000), " ms");
}

size_t go_swiss_say(const struct go_swiss *swiss, char *line)
{
    char *at = append(line, "Swiss maps: ");

    at = append_number(at, swiss->grows);
    at = append(at, " tables were replaced by larger ones, and ");
    at = append_number(at, swiss->splits);
    at = append(at, " were split; ");
    if (swiss->collected) {
        at = append(at, "what they left stayed until the next garbage collection, at the least: ");
        at = append_time(at, swiss->stayed_ns / swiss->collected);
        at = append(at, " on average, ");
        at = append_time(at, swiss->longest_ns);
        at = append(at, " at most");
    } else {
        at = append(at, "no garbage collection has ended since");
    }
    return (size_t)(append(at, "\n") - line);
}
