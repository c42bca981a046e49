#define _GNU_SOURCE /* tdestroy */
#include "analyzer/names.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/module.h"
#include "rules/rule.h"

#define TRACER "libmaptrace.so"
#define MOST_NAME 16384 /* longer demangled names are cut */

/* One file, as it may stand in the tables of several traces. */
struct known_module {
    uint8_t build_id[TRACE_BUILD_ID_BYTES];
    uint32_t build_id_bytes;
    uint64_t start; /* of the trace; what module_open() asks for */
    uint32_t flags; /* likewise */
    char *path;
    struct module *module; /* NULL: not opened yet, or no memory */
    bool opened;
};

/* What is at one address; several frames if functions were inlined there. */
struct known_frame {
    const struct known_module *module;
    uint64_t address;
    struct named_frame *frames;
    size_t count;
};

struct known_stack {
    const struct trace *trace;
    uint32_t id;
    struct named_frame *frames; /* their texts belong to known frames */
    size_t count;
};

struct names {
    void *modules, *frames, *stacks; /* trees of the above */
    struct known_module **missing;
    size_t missing_count;
};

/* --- trees ---------------------------------------------------------------- */

static int order(const void *a, const void *b, int next)
{
    return a < b ? -1 : a > b ? 1 : next;
}

static int compare_modules(const void *left, const void *right)
{
    const struct known_module *a = left, *b = right;
    if (a->build_id_bytes != b->build_id_bytes)
        return a->build_id_bytes < b->build_id_bytes ? -1 : 1;
    if (a->flags != b->flags)
        return a->flags < b->flags ? -1 : 1;
    int difference = memcmp(a->build_id, b->build_id, a->build_id_bytes);
    return difference ? difference : strcmp(a->path, b->path);
}

static int compare_frames(const void *left, const void *right)
{
    const struct known_frame *a = left, *b = right;
    return order(a->module, b->module, a->address < b->address ? -1 : a->address > b->address);
}

static int compare_stacks(const void *left, const void *right)
{
    const struct known_stack *a = left, *b = right;
    return order(a->trace, b->trace, a->id < b->id ? -1 : a->id > b->id);
}

/* The item equal to KEY, else KEY's copy put into the tree, with NEW set. NULL: no memory. */
static void *find_or_add(void **tree, const void *key, size_t bytes,
                         int (*compare)(const void *, const void *), bool *new)
{
    void **place = tfind(key, tree, compare);
    *new = !place;
    if (place)
        return *place;
    void *item = malloc(bytes);
    if (!item)
        return NULL;
    memcpy(item, key, bytes);
    if (tsearch(item, tree, compare))
        return item;
    free(item);
    return NULL;
}

static void free_module(void *item)
{
    struct known_module *module = item;
    module_close(module->module);
    free(module->path);
    free(module);
}

static void free_frame(void *item)
{
    struct known_frame *frame = item;
    for (size_t i = 0; i < frame->count; i++) {
        free((char *)frame->frames[i].function);
        free((char *)frame->frames[i].file);
    }
    free(frame->frames);
    free(frame);
}

static void free_stack(void *item)
{
    struct known_stack *stack = item;
    free(stack->frames);
    free(stack);
}

struct names *names_new(void)
{
    return calloc(1, sizeof(struct names));
}

void names_free(struct names *names)
{
    if (!names)
        return;
    tdestroy(names->stacks, free_stack);
    tdestroy(names->frames, free_frame);
    tdestroy(names->modules, free_module);
    free(names->missing);
    free(names);
}

/* --- modules ---------------------------------------------------------------- */

static struct known_module *know_module(struct names *names, const struct trace *trace,
                                        const struct trace_module *traced)
{
    bool new;
    struct known_module key = {.build_id_bytes = traced->build_id_bytes,
                               .start = trace->header.start_realtime_ns,
                               .flags = traced->flags,
                               .path = (char *)traced->path};
    memcpy(key.build_id, traced->build_id, traced->build_id_bytes);
    struct known_module *module =
        find_or_add(&names->modules, &key, sizeof(key), compare_modules, &new);
    if (!module || !new)
        return module;
    module->path = strdup(traced->path);
    if (!module->path) {
        tdelete(module, &names->modules, compare_modules);
        free(module);
        return NULL;
    }
    return module;
}

static void open_module(struct names *names, struct known_module *module,
                        const struct trace_module *traced)
{
    module->opened = true;
    module->module = module_open(traced, module->start);
    if (!module->module || !module_missing(module->module))
        return;
    struct known_module **missing =
        reallocarray(names->missing, names->missing_count + 1, sizeof(*missing));
    if (!missing)
        return;
    names->missing = missing;
    missing[names->missing_count++] = module;
}

const char *names_missing(const struct names *names, size_t index, const char **why)
{
    if (index >= names->missing_count)
        return NULL;
    *why = module_missing(names->missing[index]->module);
    return names->missing[index]->path;
}

static bool is_tracer(const struct trace_module *module)
{
    const char *name = strrchr(module->path, '/');
    return strncmp(name ? name + 1 : module->path, TRACER, strlen(TRACER)) == 0;
}

/* --- frames ----------------------------------------------------------------- */

static char *demangled(const char *symbol)
{
    static char buffer[MOST_NAME];
    rules_demangle(symbol, buffer, sizeof(buffer));
    return strdup(buffer);
}

static void add_place(void *context, const struct place *place, bool inlined)
{
    struct known_frame *frame = context;
    struct named_frame *frames =
        reallocarray(frame->frames, frame->count + 1, sizeof(struct named_frame));
    if (!frames)
        return;
    frame->frames = frames;
    frames[frame->count++] =
        (struct named_frame){.function = place->symbol ? demangled(place->symbol) : NULL,
                             .file = place->file ? strdup(place->file) : NULL,
                             .line = place->line,
                             .module = frame->module ? frame->module->path : NULL,
                             .address = frame->address,
                             .inlined = inlined};
}

static const struct known_frame *know_frame(struct names *names, const struct trace *trace,
                                            uint64_t word)
{
    const struct trace_module *traced = trace_frame_module(trace, word);
    struct known_module *module = traced ? know_module(names, trace, traced) : NULL;
    bool new;
    struct known_frame key = {.module = module, .address = TRACE_FRAME_ADDRESS(word)};
    struct known_frame *frame =
        find_or_add(&names->frames, &key, sizeof(key), compare_frames, &new);
    if (!frame || !new)
        return frame;
    if (module && !module->opened)
        open_module(names, module, traced);
    /* A return address may be the first of another function; the call stands before it. */
    if (module && module->module && frame->address)
        module_look_up(module->module, frame->address - 1, add_place, frame);
    else
        add_place(frame, &(struct place){0}, false);
    return frame;
}

static void fill_stack(struct names *names, struct known_stack *stack)
{
    const uint64_t *words;
    uint32_t count = trace_stack(stack->trace, stack->id, &words);
    for (uint32_t i = 0; i < count; i++) {
        const struct trace_module *traced = trace_frame_module(stack->trace, words[i]);
        if (traced && is_tracer(traced))
            continue;
        const struct known_frame *frame = know_frame(names, stack->trace, words[i]);
        struct named_frame *frames =
            frame ? reallocarray(stack->frames, stack->count + frame->count, sizeof(*frames))
                  : NULL;
        if (!frames)
            return;
        memcpy(frames + stack->count, frame->frames, frame->count * sizeof(*frames));
        stack->frames = frames;
        stack->count += frame->count;
    }
}

struct named_stack names_stack(struct names *names, const struct trace *trace, uint32_t id)
{
    bool new;
    struct known_stack key = {.trace = trace, .id = id};
    struct known_stack *stack =
        find_or_add(&names->stacks, &key, sizeof(key), compare_stacks, &new);
    if (!stack)
        return (struct named_stack){0};
    if (new)
        fill_stack(names, stack);
    return (struct named_stack){stack->frames, stack->count};
}
