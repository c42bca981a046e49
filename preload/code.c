#include "code.h"

#include <errno.h>
#include <string.h>

#include "lock.h"
#include "modules.h"
#include "pages.h"

#define CACHE_BITS 15
#define PROBES 8
#define CLASSES 2048
#define CLASS_SHIFT 48
#define PC_MASK (((uint64_t)1 << CLASS_SHIFT) - 1)

/*
 * key: pc in the low 48 bits, class above; 0: empty. An entry is written key
 * last and cleared key first, and readers look at the key again after the
 * step: what they get belongs together.
 */
struct entry {
    uint64_t key;
    frame_step step;
};

uint32_t code_epoch_;
static struct entry *cache;
static struct code_class classes[CLASSES];
static uint32_t class_count = 1;

int code_start(void)
{
    cache = pages_map(sizeof *cache << CACHE_BITS);
    return cache ? 0 : -ENOMEM;
}

static struct entry *slot(uintptr_t pc, unsigned probe)
{
    return &cache[((pc * 0x9e3779b97f4a7c15u >> (64 - CACHE_BITS)) + probe) &
                  ((1u << CACHE_BITS) - 1)];
}

static bool same_class(const struct code_class *a, const struct code_class *b)
{
    return a->count == b->count && a->nameless == b->nameless &&
           memcmp(a->marks, b->marks, a->count * sizeof *a->marks) == 0;
}

static uint32_t intern(const struct code_class *wanted)
{
    if (wanted->count == 0 && !wanted->nameless)
        return 0;
    for (uint32_t i = 1; i < class_count; i++)
        if (same_class(&classes[i], wanted))
            return i;
    if (class_count == CLASSES)
        return 0;
    classes[class_count] = *wanted;
    return class_count++;
}

static bool has_name(const struct module *module, uintptr_t pc)
{
    size_t low = 0, high = module->named_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (module->named[middle].low <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    /* Aliases and functions within functions: an earlier one may reach further. */
    for (size_t back = 0; low > 0 && back < 4; back++, low--)
        if (pc < module->named[low - 1].high)
            return true;
    return false;
}

static void classify(const struct module *module, uintptr_t pc, struct code_class *class)
{
    memset(class, 0, sizeof *class);
    for (size_t i = 0; i < module->range_count && class->count < CODE_MARKS; i++) {
        const struct code_range *range = &module->ranges[i];
        bool known = false;

        if (pc < range->low || pc >= range->high || range->role == ROLE_SIGN)
            continue;
        for (unsigned m = 0; m < class->count; m++)
            known |= class->marks[m].rule == range->rule && class->marks[m].role == range->role;
        if (!known) {
            class->marks[class->count].rule = range->rule;
            class->marks[class->count++].role = range->role;
        }
    }
    class->nameless = module->named && !has_name(module, pc);
}

static frame_step bits_of(const struct code_class *class)
{
    frame_step bits = class->nameless ? CODE_NAMELESS | CODE_LINKS : 0;

    for (unsigned i = 0; i < class->count; i++) {
        enum rule_role role = class->marks[i].role;

        if (rules_makes_arrays(role))
            bits |= CODE_DECIDES;
        if (role == ROLE_GROW)
            bits |= CODE_GROWS;
        if (role == ROLE_THROUGH)
            bits |= CODE_LINKS;
    }
    return bits;
}

static void remember(uintptr_t pc, uint32_t class, frame_step step)
{
    struct entry *to = NULL;

    for (unsigned probe = 0; probe < PROBES; probe++) {
        struct entry *entry = slot(pc, probe);

        if (!entry->key || (entry->key & PC_MASK) == pc) {
            to = entry;
            break;
        }
    }
    if (!to) /* all taken: any may go */
        to = slot(pc, (unsigned)(pc >> 3) % PROBES);
    __atomic_store_n(&to->key, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(&to->step, step, __ATOMIC_RELAXED);
    __atomic_store_n(&to->key, pc | (uint64_t) class << CLASS_SHIFT, __ATOMIC_RELEASE);
}

static struct code decide(uintptr_t pc, bool locked)
{
    bool taken = !locked && lock_take();
    bool may_learn = locked || taken;
    uintptr_t original = returns_original(pc) - 1;
    const struct module *module = may_learn ? modules_find(original) : modules_peek(original);
    struct code_class class;
    struct code code = {STEP_NONE, &classes[0]};

    if (module) {
        code.step = frame_describe(original, module->unwind_header, NULL);
        if (step_kind(code.step) == STEP_NONE)
            code.step = STEP_POINTER;
        if (may_learn) {
            classify(module, original, &class);
            uint32_t index = intern(&class);
            code.class = &classes[index];
            remember(pc, index, code.step | bits_of(code.class));
        }
    }
    if (taken)
        lock_release();
    return code;
}

struct code code_at(uintptr_t pc, bool locked)
{
    for (unsigned probe = 0; probe < PROBES; probe++) {
        const struct entry *entry = slot(pc, probe);
        uint64_t key = __atomic_load_n(&entry->key, __ATOMIC_ACQUIRE);

        if ((key & PC_MASK) == pc) {
            struct code code = {__atomic_load_n(&entry->step, __ATOMIC_ACQUIRE) & ~CODE_BITS,
                                &classes[key >> CLASS_SHIFT]};

            if (__atomic_load_n(&entry->key, __ATOMIC_RELAXED) == key)
                return code;
        }
        if (!key)
            break;
    }
    return decide(pc, locked);
}

bool code_peek(uintptr_t pc, frame_step *step)
{
    for (unsigned probe = 0; probe < PROBES; probe++) {
        const struct entry *entry = slot(pc, probe);
        uint64_t key = __atomic_load_n(&entry->key, __ATOMIC_ACQUIRE);

        if ((key & PC_MASK) == pc) {
            *step = __atomic_load_n(&entry->step, __ATOMIC_ACQUIRE);
            return __atomic_load_n(&entry->key, __ATOMIC_RELAXED) == key;
        }
        if (!key)
            return false;
    }
    return false;
}

void code_forget(void)
{
    for (size_t i = 0; i < (size_t)1 << CACHE_BITS; i++)
        if (cache[i].key)
            __atomic_store_n(&cache[i].key, 0, __ATOMIC_RELEASE);
    /* Last: whoever sees the new number sees nothing of before. */
    __atomic_fetch_add(&code_epoch_, 1, __ATOMIC_RELEASE);
}

const void *code_unwind_header(uintptr_t pc)
{
    const struct module *module = modules_peek(pc - 1);

    return module ? module->unwind_header : NULL;
}
