#define _GNU_SOURCE
#include "modules.h"

#include "code.h"
#include "frames.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/auxv.h>

#include "../trace/format.h"
#include "big_stack.h"
#include "elf_file.h"
#include "headers.h"
#include "index.h"
#include "raw.h"
#include "recorder.h"
#include "sandbox.h"
#include "status.h"

#pragma weak _dl_find_object /* musl has none: see start.c */

#define MODULES_MOST 4096

static struct module *modules[MODULES_MOST];
static size_t module_count;
static struct arena memory;
static const struct rule_set *rules;
static const struct rule_matcher *matcher;
static bool started; /* what is learned from now on was loaded later */

/* What the symbols of one file are being held against. */
struct scan {
    struct module *module;
    const Elf64_Sym *symbol;
    size_t range_room, named_room;
    bool wants_names; /* a `beneath` matched: nameless functions must be told from named ones */
    bool count_only;
};

static void add_range(struct scan *scan, uintptr_t low, uintptr_t high, struct rule *rule,
                      enum rule_role role)
{
    struct module *module = scan->module;

    if (module->range_count == scan->range_room) {
        size_t room = scan->range_room ? 2 * scan->range_room : 16;
        struct code_range *wider = arena_take(&memory, room * sizeof *wider);

        if (!wider)
            return;
        if (module->range_count)
            memcpy(wider, module->ranges, module->range_count * sizeof *wider);
        module->ranges = wider;
        scan->range_room = room;
    }
    module->ranges[module->range_count++] = (struct code_range){low, high, rule, role};
    if (role == ROLE_BENEATH || role == ROLE_CALLEE)
        scan->wants_names = true;
}

static void matched(void *context, struct rule *rule, const struct rule_glob *glob)
{
    struct scan *scan = context;
    uintptr_t low = scan->module->bias + scan->symbol->st_value;

    if (!rule->broken && rules_in_module(rule, scan->module->path))
        add_range(scan, low, low + scan->symbol->st_size, rule, glob->role);
}

static bool is_function(const Elf64_Sym *symbol)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info);

    return symbol->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC);
}

/* Allocators that are linked statically under a prefix, so that no interposer can see them. */
static void note_own_allocator(struct module *module, const char *name, const Elf64_Sym *symbol)
{
    static const char *const names[] = {"je_malloc", "_rjem_malloc", "mi_malloc",
                                        "tc_malloc", "rpmalloc",     "_rjem_mallocx"};

    if (!is_function(symbol))
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (*name == *names[i] && strcmp(name, names[i]) == 0)
            module->own_allocator = names[i];
}

static void each_symbol(void *context, const char *name, const Elf64_Sym *symbol)
{
    struct scan *scan = context;

    note_own_allocator(scan->module, name, symbol);
    if (!is_function(symbol) &&
        !(symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_OBJECT))
        return;
    scan->symbol = symbol;
    /* What a grow function throws is no array, by any rule. */
    if (*name == '_' && strcmp(name, "__cxa_allocate_exception") == 0)
        add_range(scan, scan->module->bias + symbol->st_value,
                  scan->module->bias + symbol->st_value + symbol->st_size, NULL, ROLE_EXCEPT);
    rules_match(matcher, name, matched, scan);
}

static void each_dynamic(void *context, const char *name, const Elf64_Sym *symbol)
{
    static const char *const names[] = {"malloc",        "calloc",  "realloc",
                                        "_Znwm",         "_Znam",   "posix_memalign",
                                        "aligned_alloc", "mallocx", "mmap"};
    static const struct {
        const char *name;
        enum rule_hook hook;
    } hooks[] = {
        {"_ZNKSt8__detail20_Prime_rehash_policy14_M_need_rehashEmmm", HOOK_LIBSTDCXX_PRIME},
        {"_ZNKSt8__detail20_Prime_rehash_policy11_M_next_bktEm", HOOK_LIBSTDCXX_PRIME},
        {"_ZNSt3__112__next_primeEm", HOOK_LIBCXX_PRIME},
    };
    struct module *module = ((struct scan *)context)->module;

    if (symbol->st_shndx != SHN_UNDEF)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            module->imports_allocator = true;
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
        if (strcmp(name, hooks[i].name) == 0)
            module->hooks |= 1u << hooks[i].hook;
}

static void each_named(void *context, const char *name, const Elf64_Sym *symbol)
{
    struct scan *scan = context;
    struct module *module = scan->module;

    (void)name;
    if (!is_function(symbol))
        return;
    if (scan->count_only) {
        scan->named_room++;
        return;
    }
    uintptr_t low = module->bias + symbol->st_value;
    if (module->named_count < scan->named_room)
        module->named[module->named_count++] =
            (struct code_span){low, low + (symbol->st_size ? symbol->st_size : 1)};
}

/* Heapsort: libc's qsort may call malloc. */
static void sort_spans(struct code_span *spans, size_t count)
{
    for (size_t built = 0, end = count; end > 1;) {
        size_t root;

        if (built < count / 2) {
            root = count / 2 - ++built;
        } else {
            struct code_span last = spans[--end];

            spans[end] = spans[0];
            spans[0] = last;
            root = 0;
        }
        for (size_t child; (child = 2 * root + 1) < end; root = child) {
            if (child + 1 < end && spans[child + 1].low > spans[child].low)
                child++;
            if (spans[root].low >= spans[child].low)
                break;
            struct code_span swap = spans[root];
            spans[root] = spans[child];
            spans[child] = swap;
        }
    }
}

static void index_range(void *context, uintptr_t low, uintptr_t high, const char *rule_name,
                        enum rule_role role)
{
    struct scan *scan = context;

    for (struct rule *rule = rules->first; rule; rule = rule->next)
        if (!rule->broken && strcmp(rule->name, rule_name) == 0 &&
            rules_in_module(rule, scan->module->path))
            add_range(scan, scan->module->bias + low, scan->module->bias + high, rule, role);
}

static void index_calls(void *context, uintptr_t low, uintptr_t high, uint64_t hash)
{
    struct module *module = ((struct scan *)context)->module;

    calls_begin(&module->calls, module->bias + low, module->bias + high, hash);
}

static void index_call(void *context, uintptr_t address)
{
    struct module *module = ((struct scan *)context)->module;

    calls_add(&module->calls, module->bias + address);
}

static void index_entry(void *context, uintptr_t address, uint32_t bytes)
{
    struct module *module = ((struct scan *)context)->module;

    calls_add_entry(&module->calls, module->bias + address, bytes);
}

static void index_operand(void *context, uint32_t offset)
{
    calls_add_operand(&((struct scan *)context)->module->calls, offset);
}

static bool makes_arrays(const struct module *module)
{
    for (size_t i = 0; i < module->range_count; i++)
        if (rules_makes_arrays(module->ranges[i].role))
            return true;
    return false;
}

static void learn(void *context)
{
    struct scan scan = {.module = context};
    struct module *module = scan.module;
    struct elf_file file;
    const struct index_sink sink = {&scan,      index_range, index_calls,
                                    index_call, index_entry, index_operand};

    headers_set_path(module);
    headers_read(module);
    bool opened = sandbox_may_call() && elf_file_open(&file, headers_file(module)) == 0;
    if (opened) {
        elf_file_symbols(&file, each_symbol, &scan);
        elf_file_dynamic_symbols(&file, each_dynamic, &scan);
    } else {
        elf_memory_symbols(module->map, each_symbol, &scan);
        elf_memory_symbols(module->map, each_dynamic, &scan);
    }
    if (opened)
        index_read(module, &file, makes_arrays(module), &sink);
    if (scan.wants_names) {
        scan.count_only = true;
        if (opened)
            elf_file_symbols(&file, each_named, &scan);
        else
            elf_memory_symbols(module->map, each_named, &scan);
        scan.count_only = false;
        module->named = arena_take(&memory, (scan.named_room + 1) * sizeof *module->named);
        if (module->named && opened)
            elf_file_symbols(&file, each_named, &scan);
        else if (module->named)
            elf_memory_symbols(module->map, each_named, &scan);
        sort_spans(module->named, module->named_count);
    }
    if (opened)
        elf_file_close(&file);
}

static void judge_again(void *set)
{
    status_update(set);
}

static struct module *add(const struct dl_find_object *found)
{
    struct module *module;

    if (module_count == MODULES_MOST || !(module = arena_take(&memory, sizeof *module)))
        return NULL;
    module->low = (uintptr_t)found->dlfo_map_start;
    module->high = (uintptr_t)found->dlfo_map_end;
    module->map = found->dlfo_link_map;
    module->bias = module->map->l_addr;
    module->unwind_header = found->dlfo_eh_frame;
    module->is_tracer =
        (uintptr_t)&modules_find >= module->low && (uintptr_t)&modules_find < module->high;
    if (module->is_tracer)
        pages_are_books((void *)module->low, module->high - module->low);
    /* The loader has tables of its own, but not from the program's allocator. */
    if (!module->is_tracer && module->low != getauxval(AT_BASE))
        big_stack_call(learn, module);
    else
        headers_set_path(module);
    module->trace_index = recorder_module(module);
    modules[module_count] = module;
    __atomic_store_n(&module_count, module_count + 1, __ATOMIC_RELEASE);
    if (started)
        big_stack_call(judge_again, (void *)rules);
    return module;
}

struct module *modules_peek(uintptr_t pc)
{
    for (size_t i = __atomic_load_n(&module_count, __ATOMIC_ACQUIRE); i-- > 0;)
        if (!modules[i]->gone && pc >= modules[i]->low && pc < modules[i]->high)
            return modules[i];
    return NULL;
}

struct module *modules_find(uintptr_t pc)
{
    struct module *module = modules_peek(pc);
    struct dl_find_object found;

    if (module)
        return module;
    if (_dl_find_object((void *)pc, &found) != 0)
        return NULL;
    return add(&found);
}

bool modules_sweep(void)
{
    struct dl_find_object found;
    bool any = false;

    for (size_t i = 0; i < module_count; i++) {
        struct module *module = modules[i];

        if (module->gone)
            continue;
        if (_dl_find_object((void *)module->low, &found) != 0 ||
            (uintptr_t)found.dlfo_map_start != module->low ||
            (uintptr_t)found.dlfo_map_end != module->high || found.dlfo_link_map != module->map) {
            module->gone = any = true;
            recorder_module_gone(module);
        }
    }
    return any;
}

static int each_loaded(struct dl_phdr_info *info, size_t bytes, void *context)
{
    (void)bytes;
    (void)context;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD) {
            modules_find(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
            break;
        }
    return 0;
}

void modules_start(const struct rule_set *set, const struct rule_matcher *with)
{
    rules = set;
    matcher = with;
    arena_init(&memory);
    dl_iterate_phdr(each_loaded, NULL);
    started = true;
}

bool modules_has_data(uintptr_t address, size_t bytes)
{
    for (size_t i = 0; i < module_count; i++)
        if (!modules[i]->gone && address >= modules[i]->data.low &&
            address + bytes <= modules[i]->data.high)
            return true;
    return false;
}

size_t modules_count(void)
{
    return module_count;
}

struct module *modules_at(size_t index)
{
    return modules[index];
}

void modules_add_grow(uintptr_t pc, struct rule *rule)
{
    struct module *module = modules_find(pc - 1);
    struct frame_function function = {0};

    if (!module)
        return;
    frame_describe(pc - 1, module->unwind_header, &function);
    struct code_range *wider = arena_take(&memory, (module->range_count + 1) * sizeof *wider);
    if (!function.high || !wider)
        return;
    memcpy(wider, module->ranges, module->range_count * sizeof *wider);
    wider[module->range_count] = (struct code_range){function.low, function.high, rule, ROLE_GROW};
    module->ranges = wider;
    module->range_count++;
    code_forget();
}
