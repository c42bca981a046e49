#include "trace/reader_named.h"

#include <errno.h>
#include <stdlib.h>

#define END_OF_TEXT(text) ((text)[sizeof(text) - 1] = '\0')

struct rules {
    struct trace_rule *items;
    uint32_t count;
    uint64_t bad;
};

static int keep_rule(void *context, uint64_t index, void *entry, bool stable)
{
    struct rules *rules = context;
    struct trace_rule *rule = &rules->items[index];
    (void)stable; /* its counters move all the time; each is whole by itself */
    *rule = *(const struct trace_rule *)entry;
    END_OF_TEXT(rule->name);
    END_OF_TEXT(rule->about);
    END_OF_TEXT(rule->reason);
    END_OF_TEXT(rule->run_reason);
    if (rule->kind > TRACE_REALLOC || rule->status > TRACE_RULE_ACTIVE) {
        rule->kind = TRACE_IMMEDIATE;
        rule->status = TRACE_RULE_BLIND;
        rules->bad++;
    }
    rules->count = (uint32_t)index + 1;
    return 0;
}

int named_rules(struct trace *trace, struct source *source, uint64_t *bad)
{
    const struct trace_header *header = &trace->header;
    struct source_stretch all = {header->rules, 0,
                                 source_fitting(source, &header->rules, header->rules_used)};
    struct rules rules = {.items = calloc(all.count + 1, sizeof(struct trace_rule))};
    if (!rules.items)
        return -ENOMEM;
    int outcome = source_entries(source, &all, sizeof(struct trace_rule), keep_rule, &rules);
    if (outcome == 0 && rules.count < trace->rule_count)
        outcome = -EAGAIN;
    if (outcome) {
        free(rules.items);
        return outcome;
    }
    free(trace->rules);
    trace->rules = rules.items;
    trace->rule_count = rules.count;
    *bad = rules.bad;
    return 0;
}

static int keep_module(void *context, uint64_t index, void *entry, bool stable)
{
    struct trace *trace = context;
    struct trace_module *module = &trace->modules[index];
    (void)stable; /* only unloaded_ns ever changes */
    *module = *(const struct trace_module *)entry;
    END_OF_TEXT(module->path);
    if (module->build_id_bytes > TRACE_BUILD_ID_BYTES) {
        module->build_id_bytes = 0;
        trace->bad_entries++;
    }
    trace->module_count = (uint32_t)index + 1;
    return 0;
}

/* Stacks and messages: COUNT items of ITEM_BYTES as they are; MORE zero bytes after them. */
static int read_plain(const struct source *source, const struct trace_region *region,
                      uint64_t count, uint64_t item_bytes, size_t more, void *result,
                      uint32_t *result_count)
{
    count = source_fitting(source, region, count);
    char *buffer = calloc(1, count * item_bytes + more);
    if (!buffer)
        return -ENOMEM;
    int64_t got = source_read(source, buffer, region->offset, count * item_bytes);
    *(void **)result = buffer;
    *result_count = got < 0 ? 0 : (uint32_t)((uint64_t)got / item_bytes);
    return got < 0 ? (int)got : 0;
}

int named_rest(struct trace *trace, struct source *source)
{
    const struct trace_header *header = &trace->header;
    struct source_stretch modules = {
        header->modules, 0, source_fitting(source, &header->modules, header->modules_used)};
    uint32_t message_bytes;
    trace->modules = calloc(modules.count + 1, sizeof(struct trace_module));
    if (!trace->modules)
        return -ENOMEM;
    int outcome = source_entries(source, &modules, sizeof(struct trace_module), keep_module, trace);
    if (outcome == 0)
        outcome = read_plain(source, &header->stacks, header->stack_words_used, sizeof(uint64_t), 8,
                             &trace->stack_words, &trace->stack_word_count);
    if (outcome == 0)
        outcome = read_plain(source, &header->messages, header->message_bytes, 1, 1,
                             &trace->messages, &message_bytes);
    return outcome;
}
