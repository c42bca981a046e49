#define _GNU_SOURCE
#include "status.h"

#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules.h"
#include "recorder.h"

#pragma weak dladdr1 /* musl has none: see start.c */

static void copy_text(char *to, const char *from, size_t room)
{
    snprintf(to, room, "%s", from ? from : "");
}

static bool environment_has(const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    char name[64];

    if (!equals || (size_t)(equals - assignment) >= sizeof name)
        return false;
    memcpy(name, assignment, (size_t)(equals - assignment));
    name[equals - assignment] = 0;
    const char *value = getenv(name);
    return value && strcmp(value, equals + 1) == 0;
}

void status_start(const struct rule_set *rules)
{
    struct trace_header *header = recorder_header();
    unsigned index = 0;

    for (const struct rule *rule = rules->first; rule; rule = rule->next, index++) {
        struct trace_rule *entry = recorder_rule(rule->index);

        if (!entry) {
            recorder_message("rule %s: there is room for 256 rules only", rule->name);
            continue;
        }
        memset(entry, 0, sizeof *entry);
        copy_text(entry->name, rule->name, sizeof entry->name);
        copy_text(entry->about, rule->about, sizeof entry->about);
        entry->kind = (uint8_t)rule->kind;
        entry->flags =
            (uint16_t)((rule->user ? TRACE_RULE_USER : 0) |
                       (rule->moved.known ? TRACE_RULE_PROGRESS : 0) |
                       (rule->broken ? TRACE_RULE_BROKEN : 0) |
                       (rule->needs && !environment_has(rule->needs) ? TRACE_RULE_PARTIAL : 0));
        if (rule->index >= header->rules_used)
            header->rules_used = rule->index + 1;
    }
}

/* What the modules show of one rule. */
struct signs {
    unsigned functions;      /* grow functions and exported callers of nameless ones */
    unsigned shown;          /* signs that the container is there */
    const struct module *in; /* one module that has grow functions */
    bool reachable; /* some module with grow functions calls an allocator of another module */
    const char *own_allocator;
};

static bool has_sign(const struct rule *rule)
{
    for (const struct rule_glob *glob = rule->globs; glob; glob = glob->next)
        if (glob->role == ROLE_SIGN)
            return true;
    return false;
}

static struct signs signs_of(const struct rule *rule)
{
    struct signs signs = {0};
    bool by_name =
        !has_sign(rule); /* of the module: some programs have the container, others not */

    for (size_t i = 0; i < modules_count(); i++) {
        const struct module *module = modules_at(i); /* may be gone: it was there */
        unsigned here = 0;

        signs.shown += by_name && rules_names_module(rule, module->path);
        for (size_t r = 0; r < module->range_count; r++) {
            enum rule_role role = module->ranges[r].role;

            if (module->ranges[r].rule != rule)
                continue;
            here += role == ROLE_GROW || role == ROLE_BENEATH || role == ROLE_CALLEE;
            signs.shown += role == ROLE_SIGN;
        }
        if (rule->hook != HOOK_NONE && module->hooks & 1u << rule->hook) {
            here++;
            signs.reachable = true;
        }
        signs.functions += here;
        if (here) {
            signs.in = module;
            signs.reachable |= module->imports_allocator;
            if (module->own_allocator)
                signs.own_allocator = module->own_allocator;
        }
    }
    return signs;
}

static void blind(struct trace_rule *entry, const struct rule *rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void blind(struct trace_rule *entry, const struct rule *rule, const char *format, ...)
{
    va_list arguments;

    entry->status = TRACE_RULE_BLIND;
    va_start(arguments, format);
    int used = vsnprintf(entry->reason, sizeof entry->reason, format, arguments);
    va_end(arguments);
    if (rule->hint && used >= 0 && (size_t)used + 3 < sizeof entry->reason)
        snprintf(entry->reason + used, sizeof entry->reason - (size_t)used, "; %s", rule->hint);
}

static const char *first_grow(const struct rule *rule)
{
    for (const struct rule_glob *glob = rule->globs; glob; glob = glob->next)
        if (glob->role == ROLE_GROW)
            return glob->text;
    return "";
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Functions may be missing for want of debug information that is there. */
static void say_what_is_missing(struct trace_rule *entry)
{
    size_t used = strlen(entry->reason);

    for (size_t i = 0; i < modules_count(); i++) {
        const struct module *module = modules_at(i);

        if (!*module->note)
            continue;
        snprintf(entry->reason + used, sizeof entry->reason - used,
                 "%sfunctions may be missing: %s: %s", used ? "; " : "", base_name(module->path),
                 module->note);
        return;
    }
}

/* FIRST_MALLOC is the file whose malloc the program calls, NULL if that is ours. */
static void judge(struct trace_rule *entry, const struct rule *rule, const char *first_malloc)
{
    struct signs signs = signs_of(rule);

    entry->symbols = signs.functions;
    if (entry->status == TRACE_RULE_ACTIVE)
        return;
    entry->reason[0] = 0;
    if (rule->broken) {
        entry->status = TRACE_RULE_BLIND;
        copy_text(entry->reason, rule->error, sizeof entry->reason);
    } else if (!signs.functions && rule->user) {
        blind(entry, rule,
              "no function matches %s: stripped, inlined without debug info (rebuild with -g), "
              "or the wrong name",
              first_grow(rule));
    } else if (rule->heap && !rule->needs && (signs.functions || signs.shown)) {
        blind(entry, rule, "%s", rule->heap);
        if (rule->doubt)
            entry->flags |= TRACE_RULE_PRESENT;
    } else if (!signs.functions && signs.shown) {
        blind(entry, rule,
              "the container is there, but no grow function is to be found: inlined "
              "or stripped (rebuild with -g)");
    } else if (!signs.functions) {
        entry->status = TRACE_RULE_ABSENT;
    } else if (first_malloc) {
        blind(
            entry, rule,
            "the malloc of %s comes before the tracer's, so calls never reach it: put "
            "libmaptrace.so first in LD_PRELOAD, or build the program without a malloc of its own",
            base_name(first_malloc));
    } else if (entry->flags & TRACE_RULE_PARTIAL) {
        blind(entry, rule, "%s; run with %s", rule->heap ? rule->heap : "it uses a heap of its own",
              rule->needs);
    } else if (signs.own_allocator && !rule->hook) {
        blind(entry, rule,
              "%s is linked into %s: allocations made through it never reach the "
              "tracer",
              signs.own_allocator, base_name(signs.in->path));
    } else {
        entry->status = TRACE_RULE_IDLE;
    }
    if (!rule->broken && entry->status != TRACE_RULE_ABSENT)
        say_what_is_missing(entry);
}

/* Asked of the program: our own scope, being -Bsymbolic, begins with ourselves. */
static const char *find_first_malloc(void)
{
    void *program = dlopen(NULL, RTLD_LAZY);
    void *found = program ? dlsym(program, "malloc") : NULL;
    const char *file = NULL;
    const ElfW(Sym) *symbol = NULL;
    Dl_info info;

    if (found && found != (void *)&malloc) {
        bool known = dladdr1(found, &info, (void **)&symbol, RTLD_DL_SYMENT);

        /* An undefined symbol with an address is a fixed executable's own entry of its PLT. */
        if (!known || !symbol || symbol->st_shndx != SHN_UNDEF)
            file = known && info.dli_fname ? info.dli_fname : "the program";
    }
    if (program)
        dlclose(program);
    return file;
}

void status_update(const struct rule_set *rules)
{
    static const char *first_malloc;
    static bool asked; /* the loader is not asked later, under the lock */

    if (!asked)
        first_malloc = find_first_malloc();
    asked = true;
    for (const struct rule *rule = rules->first; rule; rule = rule->next) {
        struct trace_rule *entry = recorder_rule(rule->index);

        if (entry)
            judge(entry, rule, first_malloc);
    }
}
