#include "golang/agent_pages.h"

#include <errno.h>
#include <string.h>

#include "golang/ring.h"

static const char magic[8] = "MAPTRAG2";

int go_agent_fill(const struct go_plan *plan, uint64_t capacity, char code[GO_AGENT_DATA],
                  size_t *bytes)
{
    struct go_agent_constants constants = plan->constants;

    *bytes = (size_t)(go_agent_end - go_agent_begin);
    if (*bytes > GO_AGENT_DATA)
        return -E2BIG;
    memcpy(constants.magic, magic, sizeof magic);
    constants.mask = capacity - 1;
    constants.near = go_ring_near(capacity);
    constants.signals = UINT64_MAX;
    memcpy(code, go_agent_begin, *bytes);
    memcpy(code, &constants, sizeof constants);
    return 0;
}

void go_agent_describe(struct go_agent_data *data, const struct go_plan *plan, uint64_t ring,
                       uint64_t ring_bytes, pid_t owner, uint64_t owner_start)
{
    *data = (struct go_agent_data){
        .ring = ring,
        .ring_bytes = ring_bytes,
        .owner = (uint32_t)owner,
        .owner_start = owner_start,
        .count = (uint32_t)plan->count,
    };
    for (size_t i = 0; i < plan->count; i++)
        data->patches[i] = plan->patches[i].code;
}

/* Agents that were taken out again are still there. */
static bool is_entered(const struct memory *memory, const struct go_agent_data *data)
{
    unsigned char there[GO_PATCH_BYTES];

    if (data->count == 0 || data->count > GO_PATCHES_MOST)
        return false;
    for (uint32_t i = 0; i < data->count; i++) {
        const struct go_code_patch *patch = &data->patches[i];

        if (patch->bytes > GO_PATCH_BYTES ||
            !memory_read(memory, patch->address, there, patch->bytes) ||
            memcmp(there, patch->after, patch->bytes) != 0)
            return false;
    }
    return true;
}

bool go_agent_find(const struct memory *memory, struct go_agent_data *found)
{
    char head[sizeof magic];

    for (size_t i = 0; i < memory->count; i++) {
        const struct mapping *mapping = &memory->mappings[i];

        if (mapping->executable && !mapping->file && !mapping->program &&
            memory_read(memory, mapping->low, head, sizeof head) &&
            !memcmp(head, magic, sizeof magic) &&
            memory_read(memory, mapping->low + GO_AGENT_DATA, found, sizeof *found) &&
            is_entered(memory, found))
            return true;
    }
    return false;
}
