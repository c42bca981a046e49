#include "analyzer/groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A finding and the hash of all that makes it the same as another. */
struct keyed {
    uint64_t key;
    const struct finding *finding;
};

static uint64_t mix(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t mix_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 32;
}

static uint64_t module_key(const struct trace_module *module)
{
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), module->build_id, module->build_id_bytes);
    return mix(hash, module->path, strlen(module->path));
}

/* Keys of a trace's modules, so that each path is hashed once. */
static uint64_t *module_keys(const struct trace *trace)
{
    uint64_t *keys = calloc(trace->module_count + 1ul, sizeof(*keys));
    for (uint32_t i = 0; keys && i < trace->module_count; i++)
        keys[i] = module_key(&trace->modules[i]);
    return keys;
}

static uint64_t finding_key(const struct finding *finding, const uint64_t *modules)
{
    const struct trace *trace = finding->trace;
    const char *rule = trace->rules[finding->resize->rule].name;
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), rule, strlen(rule));
    hash = mix_word(hash, finding->judgement.kind);
    const struct trace_type *type = trace_type(trace, finding->resize->type);
    if (type)
        hash = mix(hash, type->name, strlen(type->name));
    const uint64_t *frames;
    uint32_t count = trace_stack(trace, finding->resize->stack, &frames);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t module = TRACE_FRAME_MODULE(frames[i]);
        hash = mix_word(hash, TRACE_FRAME_ADDRESS(frames[i]));
        hash = mix_word(hash, module < trace->module_count ? modules[module] : 0);
    }
    return hash;
}

/* Findings of one report stand in one array, most costly first. */
static int by_key(const void *left, const void *right)
{
    const struct keyed *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->finding < b->finding ? -1 : a->finding > b->finding;
}

static int by_cost(const void *left, const void *right)
{
    const struct group *a = left, *b = right;
    if (a->cost != b->cost)
        return a->cost > b->cost ? -1 : 1;
    return a->findings[0] < b->findings[0] ? -1 : 1;
}

static int by_table(const void *left, const void *right)
{
    const struct finding *a = *(const struct finding *const *)left;
    const struct finding *b = *(const struct finding *const *)right;
    if (a->trace != b->trace)
        return a->trace < b->trace ? -1 : 1;
    if (a->resize->table_id != b->resize->table_id)
        return a->resize->table_id < b->resize->table_id ? -1 : 1;
    return 0;
}

/* How many tables FINDINGS are of; one whose table is not known is of its own. */
static int count_tables(const struct finding *const *findings, size_t count, size_t *tables)
{
    const struct finding **sorted = calloc(count + 1, sizeof(*sorted));
    if (!sorted)
        return -ENOMEM;
    if (count)
        memcpy(sorted, findings, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_table);
    *tables = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || sorted[i]->resize->table_id == 0 || by_table(&sorted[i - 1], &sorted[i]) != 0)
            ++*tables;
    free(sorted);
    return 0;
}

static int fill_group(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        group->bytes += group->findings[i]->resize->old_bytes;
        group->cost += finding_cost(group->findings[i]);
    }
    return count_tables(group->findings, group->count, &group->tables);
}

static int key_all(struct keyed *keyed, const struct report *report)
{
    for (size_t t = 0; t < report->trace_count; t++) {
        uint64_t *modules = module_keys(report->traces[t]);
        if (!modules)
            return -ENOMEM;
        for (size_t i = 0; i < report->finding_count; i++)
            if (report->findings[i].trace == report->traces[t])
                keyed[i] = (struct keyed){finding_key(&report->findings[i], modules),
                                          &report->findings[i]};
        free(modules);
    }
    return 0;
}

int groups_make(struct groups *groups, const struct report *report)
{
    size_t count = report->finding_count;
    struct keyed *keyed = calloc(count + 1, sizeof(*keyed));
    int outcome = -ENOMEM;
    *groups = (struct groups){.items = calloc(count + 1, sizeof(*groups->items)),
                              .findings = calloc(count + 1, sizeof(*groups->findings))};
    if (!keyed || !groups->items || !groups->findings || key_all(keyed, report) != 0)
        goto out;
    qsort(keyed, count, sizeof(*keyed), by_key);
    for (size_t i = 0; i < count; i++) {
        groups->findings[i] = keyed[i].finding;
        if (i == 0 || keyed[i].key != keyed[i - 1].key)
            groups->items[groups->count++].findings = &groups->findings[i];
        groups->items[groups->count - 1].count++;
    }
    outcome = count_tables(groups->findings, count, &groups->tables);
    for (size_t i = 0; i < groups->count && outcome == 0; i++)
        outcome = fill_group(&groups->items[i]);
    qsort(groups->items, groups->count, sizeof(*groups->items), by_cost);
out:
    free(keyed);
    if (outcome)
        groups_free(groups);
    return outcome;
}

void groups_free(struct groups *groups)
{
    free(groups->items);
    free(groups->findings);
    *groups = (struct groups){0};
}
