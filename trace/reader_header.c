#include "trace/reader_header.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "trace/reader_layout.h"

#define END_OF_TEXT(text) ((text)[sizeof(text) - 1] = '\0')

static int fail(int code, char *error, size_t error_bytes, const char *why)
{
    snprintf(error, error_bytes, "%s", why);
    return code;
}

static bool is_blank(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i])
            return false;
    return true;
}

int header_read(struct trace_header *header, const struct source *source, char *error,
                size_t error_bytes)
{
    memset(header, 0, sizeof(*header));
    int64_t got = source_read(source, header, 0, sizeof(*header));
    if (got < 0)
        return fail((int)got, error, error_bytes, strerror((int)-got));

    size_t magic = sizeof(header->magic);
    if (is_blank(header->magic, magic))
        return fail(-ENODATA, error, error_bytes, "not a maptrace trace: it begins with nothing");
    if ((size_t)got < magic || memcmp(header->magic, TRACE_MAGIC, magic) != 0)
        return fail(-EBADMSG, error, error_bytes, "not a maptrace trace");
    if ((size_t)got < TRACE_HEADER_LEAST ||
        (header->version == TRACE_VERSION && (uint64_t)got < header->header_bytes &&
         (size_t)got < sizeof(*header))) {
        snprintf(error, error_bytes, "cut off: %" PRId64 " bytes do not even hold its header", got);
        return -EBADMSG;
    }
    /* What a shorter header of an older writer lacks is zero, and not the bytes after it. */
    if (header->header_bytes >= TRACE_HEADER_LEAST && header->header_bytes < sizeof(*header))
        memset((char *)header + header->header_bytes, 0, sizeof(*header) - header->header_bytes);
    char why[200];
    int outcome = layout_check(header, why, sizeof(why));
    if (outcome) {
        snprintf(error, error_bytes, "%s%s", outcome == -EBADMSG ? "damaged: " : "", why);
        return outcome;
    }
    END_OF_TEXT(header->boot_id);
    END_OF_TEXT(header->machine);
    END_OF_TEXT(header->program);
    END_OF_TEXT(header->directory);
    END_OF_TEXT(header->command);
    return 0;
}

/* True if both say the same of where things stand. */
static bool same_places(const struct trace_header *a, const struct trace_header *b)
{
    size_t first = offsetof(struct trace_header, rules);
    return memcmp((const char *)a + first, (const char *)b + first,
                  offsetof(struct trace_header, flags) - first) == 0;
}

int header_refresh(struct trace_header *header, const struct source *source)
{
    struct trace_header fresh;
    char unused[1];
    int outcome = header_read(&fresh, source, unused, sizeof(unused));
    if (outcome)
        return outcome == -EBADMSG || outcome == -ENODATA || outcome == -EPROTONOSUPPORT ? -EAGAIN
                                                                                         : outcome;
    if (!same_places(header, &fresh))
        return -EAGAIN;
    *header = fresh;
    return 0;
}
