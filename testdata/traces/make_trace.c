/*
 * make_trace OUT: writes the trace that standard input describes, one thing a
 * line, times in nanoseconds:
 *
 *     sizes RULES MODULES STACK_WORDS ARRAYS RESIZES NOTABLE RECENT MESSAGE_BYTES   (first, if at
 * all) rule NAME immediate|incremental|realloc absent|blind|idle|active FIELD=VALUE... module PATH
 * [BUILD_ID] stack MODULE:ADDRESS...                 modules count from 0; - is none array ADDRESS
 * BYTES TABLE FIELD=VALUE... open TABLE REPLACED FIELD=VALUE... notable|recent TABLE REPLACED
 * RELEASED FIELD=VALUE... header FIELD=VALUE... message TEXT
 *
 * FIELD is a field of the struct, stack=N the Nth stack line from 1, end=NS the
 * observed end of a resize, overstay=BUCKET:COUNT an entry of a histogram. In
 * texts \xNN is a byte.
 */
#include "testdata/traces/builder.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>

static uint32_t stacks[256], stack_count;

struct field {
    const char *name;
    size_t offset, bytes;
    bool text;
};

#define NUMBER(type, member)                                                                       \
    {                                                                                              \
#member, offsetof(struct type, member), sizeof(((struct type *)0)->member), false          \
    }
#define TEXT(type, member)                                                                         \
    {                                                                                              \
#member, offsetof(struct type, member), sizeof(((struct type *)0)->member), true           \
    }

static const struct field header_fields[] = {
    NUMBER(trace_header, version),
    NUMBER(trace_header, header_bytes),
    NUMBER(trace_header, file_bytes),
    NUMBER(trace_header, flags),
    NUMBER(trace_header, pid),
    NUMBER(trace_header, parent_pid),
    NUMBER(trace_header, root_pid),
    NUMBER(trace_header, process_start_ticks),
    NUMBER(trace_header, start_monotonic_ns),
    NUMBER(trace_header, start_realtime_ns),
    TEXT(trace_header, boot_id),
    TEXT(trace_header, program),
    TEXT(trace_header, command),
    NUMBER(trace_header, command_bytes),
    NUMBER(trace_header, end),
    NUMBER(trace_header, end_status),
    NUMBER(trace_header, end_ns),
    NUMBER(trace_header, last_ns),
    NUMBER(trace_header, notable_written),
    NUMBER(trace_header, recent_written),
    NUMBER(trace_header, tables),
    NUMBER(trace_header, arrays_seen),
    NUMBER(trace_header, resizes_seen),
    NUMBER(trace_header, peak_array_bytes),
    NUMBER(trace_header, peak_old_bytes),
    NUMBER(trace_header, lost_arrays),
    NUMBER(trace_header, lost_releases),
    NUMBER(trace_header, lost_stacks),
    NUMBER(trace_header, run_processes),
    NUMBER(trace_header, run_traces),
    {0},
};

static const struct field rule_fields[] = {
    TEXT(trace_rule, about),
    TEXT(trace_rule, reason),
    NUMBER(trace_rule, flags),
    NUMBER(trace_rule, arrays),
    NUMBER(trace_rule, resizes),
    NUMBER(trace_rule, symbols),
    TEXT(trace_rule, run_reason),
    {"run_absent", offsetof(struct trace_rule, run_status[TRACE_RULE_ABSENT]), 8, false},
    {"run_blind", offsetof(struct trace_rule, run_status[TRACE_RULE_BLIND]), 8, false},
    {"run_idle", offsetof(struct trace_rule, run_status[TRACE_RULE_IDLE]), 8, false},
    {"run_active", offsetof(struct trace_rule, run_status[TRACE_RULE_ACTIVE]), 8, false},
    {0},
};

static const struct field array_fields[] = {
    NUMBER(trace_array, sequence), NUMBER(trace_array, flags),         NUMBER(trace_array, rule),
    NUMBER(trace_array, table),    NUMBER(trace_array, holder),        NUMBER(trace_array, born_ns),
    NUMBER(trace_array, table_id), NUMBER(trace_array, table_resizes), {0},
};

static const struct field resize_fields[] = {
    NUMBER(trace_resize, sequence),
    NUMBER(trace_resize, confidence),
    NUMBER(trace_resize, rule),
    NUMBER(trace_resize, number),
    NUMBER(trace_resize, flags),
    NUMBER(trace_resize, alternatives),
    NUMBER(trace_resize, table_id),
    NUMBER(trace_resize, table),
    NUMBER(trace_resize, holder),
    NUMBER(trace_resize, old_address),
    NUMBER(trace_resize, old_bytes),
    NUMBER(trace_resize, new_address),
    NUMBER(trace_resize, new_bytes),
    NUMBER(trace_resize, moved),
    NUMBER(trace_resize, of),
    NUMBER(trace_resize, progress_ns),
    NUMBER(trace_resize, longest_stall_ns),
    NUMBER(trace_resize, table_resizes),
    {0},
};

static void refuse(const char *what, const char *word)
{
    fprintf(stderr, "make_trace: %s: %s\n", what, word ? word : "(nothing)");
    exit(1);
}

static uint64_t number(const char *word)
{
    char *end;
    uint64_t value = word ? strtoull(word, &end, 0) : 0;
    if (!word || *end)
        refuse("no number", word);
    return value;
}

/* Replaces \xNN in TEXT. Returns its length. */
static size_t unescape(char *text)
{
    char *to = text;
    for (char *from = text; *from; from++) {
        char digits[3] = "";
        if (from[0] == '\\' && from[1] == 'x') {
            memcpy(digits, from + 2, 2);
            *to++ = (char)strtoul(digits, NULL, 16);
            from += 3;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return (size_t)(to - text);
}

static void set(void *entry, const struct field *fields, const char *name, char *value)
{
    for (; fields->name; fields++) {
        if (strcmp(fields->name, name) != 0)
            continue;
        if (fields->text) {
            size_t length = unescape(value);
            memset((char *)entry + fields->offset, 0, fields->bytes);
            memcpy((char *)entry + fields->offset, value,
                   length < fields->bytes ? length : fields->bytes);
        } else {
            uint64_t given = number(value);
            memcpy((char *)entry + fields->offset, &given, fields->bytes);
        }
        return;
    }
    refuse("no such field", name);
}

/* The rest of the line: FIELD=VALUE, in which _ stands for a blank. */
static void set_all(void *entry, const struct field *fields)
{
    char *word;
    while ((word = strtok(NULL, " "))) {
        char *value = strchr(word, '=');
        if (!value)
            refuse("no FIELD=VALUE", word);
        *value++ = '\0';
        for (char *at = value; *at; at++)
            *at = *at == '_' ? ' ' : *at;
        if (fields == resize_fields && strcmp(word, "end") == 0) {
            builder_end_of_resize(entry, number(value));
        } else if (fields != header_fields && strcmp(word, "stack") == 0) {
            uint32_t stack = stacks[number(value) & 255];
            size_t offset = fields == array_fields ? offsetof(struct trace_array, stack)
                                                   : offsetof(struct trace_resize, stack);
            memcpy((char *)entry + offset, &stack, sizeof(stack));
        } else if (fields == rule_fields && strcmp(word, "overstay") == 0) {
            char *count = strchr(value, ':');
            ((struct trace_rule *)entry)
                ->overstays[strtoul(value, NULL, 10) % TRACE_HISTOGRAM_BUCKETS] = number(count + 1);
        } else {
            set(entry, fields, word, value);
        }
    }
}

static unsigned choice(const char *const *names, const char *word)
{
    for (unsigned i = 0; names[i]; i++)
        if (word && strcmp(names[i], word) == 0)
            return i;
    refuse("no such word", word);
    return 0;
}

static void add_rule(struct builder *builder)
{
    static const char *const kinds[] = {"immediate", "incremental", "realloc", NULL};
    static const char *const statuses[] = {"absent", "blind", "idle", "active", NULL};
    char *name = strtok(NULL, " ");
    unsigned kind = choice(kinds, strtok(NULL, " "));
    unsigned status = choice(statuses, strtok(NULL, " "));
    unescape(name);
    set_all(builder_rule(builder, name, (enum trace_rule_kind)kind, (enum trace_rule_status)status),
            rule_fields);
}

static void add_module(struct builder *builder, uint32_t flags)
{
    uint8_t id[TRACE_BUILD_ID_BYTES];
    uint32_t bytes = 0;
    char *path = strtok(NULL, " "), *hex = strtok(NULL, " ");
    for (; hex && hex[0] && bytes < sizeof(id); hex += 2) {
        char digits[3] = {hex[0], hex[1], 0};
        id[bytes++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    unescape(path);
    uint32_t index = builder_module(builder, path, id, bytes);
    struct trace_module *module =
        (struct trace_module *)builder_entry(builder, &builder->header->modules, index);
    module->flags = flags;
}

static void add_stack(struct builder *builder)
{
    uint64_t frames[TRACE_STACK_DEPTH];
    uint32_t count = 0;
    char *word;
    while ((word = strtok(NULL, " ")) && count < TRACE_STACK_DEPTH) {
        char *address = strchr(word, ':');
        if (!address)
            refuse("no MODULE:ADDRESS", word);
        *address++ = '\0';
        uint64_t module = strcmp(word, "-") == 0 ? TRACE_NO_MODULE : number(word);
        frames[count++] = builder_frame((uint32_t)module, number(address));
    }
    stacks[++stack_count & 255] = builder_stack(builder, frames, count);
}

static void add(struct builder *builder, char *what)
{
    uint64_t given[3];
    size_t count =
        strcmp(what, "array") == 0 || strcmp(what, "notable") == 0 || strcmp(what, "recent") == 0
            ? 3
        : strcmp(what, "open") == 0 ? 2
                                    : 0;
    for (size_t i = 0; i < count; i++)
        given[i] = number(strtok(NULL, " "));
    if (strcmp(what, "rule") == 0) {
        add_rule(builder);
    } else if (strcmp(what, "module") == 0) {
        add_module(builder, 0);
    } else if (strcmp(what, "go-module") == 0) {
        add_module(builder, TRACE_MODULE_GO);
    } else if (strcmp(what, "stack") == 0) {
        add_stack(builder);
    } else if (strcmp(what, "array") == 0) {
        set_all(builder_array(builder, given[0], given[1], given[2]), array_fields);
    } else if (strcmp(what, "open") == 0) {
        set_all(builder_open(builder, given[0], given[1]), resize_fields);
    } else if (strcmp(what, "notable") == 0) {
        set_all(builder_notable(builder, given[0], given[1], given[2]), resize_fields);
    } else if (strcmp(what, "recent") == 0) {
        set_all(builder_recent(builder, given[0], given[1], given[2]), resize_fields);
    } else if (strcmp(what, "header") == 0) {
        set_all(builder->header, header_fields);
    } else if (strcmp(what, "message") == 0) {
        char *text = strtok(NULL, "");
        unescape(text);
        builder_message(builder, text);
    } else {
        refuse("no such thing", what);
    }
}

int main(int argc, char **argv)
{
    char *line = NULL, *what;
    size_t room = 0;
    struct builder_sizes sizes = {16, 8, 1024, 64, 64, 64, 64, 1024};
    struct builder builder = {0};
    if (argc != 2)
        refuse("usage", "make_trace OUT < DESCRIPTION");
    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (!(what = strtok(line, " ")))
            continue;
        if (strcmp(what, "sizes") == 0 && !builder.bytes) {
            uint32_t *fields[] = {&sizes.rules,  &sizes.modules,      &sizes.stack_words,
                                  &sizes.arrays, &sizes.resizes,      &sizes.notable,
                                  &sizes.recent, &sizes.message_bytes};
            for (size_t i = 0; i < 8; i++)
                *fields[i] = (uint32_t)number(strtok(NULL, " "));
            continue;
        }
        if (!builder.bytes)
            builder = builder_new(sizes);
        add(&builder, what);
    }
    if (!builder.bytes)
        builder = builder_new(sizes);
    builder_write(&builder, argv[1], builder.size);
    builder_free(&builder);
    free(line);
    return 0;
}
