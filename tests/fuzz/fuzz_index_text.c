/* The guest's reader of what maptrace-index says, on damaged text, of which not a byte too many is
 * read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "indexer/report_header.h"
#include "preload/index_text.h"
#include "preload/modules.h"

static uint64_t sum;

static void range(void *context, uintptr_t low, uintptr_t high, const char *rule,
                  enum rule_role role)
{
    (void)context;
    if (low >= high || role >= ROLE_COUNT)
        abort();
    sum += strlen(rule);
}

static void calls(void *context, uintptr_t low, uintptr_t high, uint64_t hash)
{
    (void)context;
    if (low >= high)
        abort();
    sum += hash;
}

static void call(void *context, uintptr_t address)
{
    (void)context;
    sum += address;
}

static void entry(void *context, uintptr_t address, uint32_t bytes)
{
    (void)context;
    sum += address + bytes;
}

static void operand(void *context, uint32_t offset)
{
    (void)context;
    sum += offset;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char end[] = "end\n";
    const struct index_sink sink = {NULL, range, calls, call, entry, operand};
    struct module module = {0};
    size_t header = strlen(REPORT_HEADER), room = header + bytes + strlen(end);
    char *text = malloc(room);
    if (!text)
        return 0;
    memcpy(text, REPORT_HEADER, header);
    if (bytes)
        memcpy(text + header, data, bytes);
    memcpy(text + header + bytes, end, strlen(end));
    if (!index_text_read(text, room, &module, &sink))
        abort();
    index_text_read(text + header, room - header, &module, &sink);
    if (memchr(module.note, 0, sizeof(module.note)) == NULL)
        abort();
    free(text);
    return 0;
}
