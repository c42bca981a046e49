#define _GNU_SOURCE
#include "loads.h"

#include <dlfcn.h>
#include <link.h>

#include "code.h"
#include "modules.h"
#include "safe_read.h"

/* musl has neither: see start.c. */
#pragma weak _dl_find_object
#pragma weak dladdr1

/* What is learned before an address of it is seen costs time, and room in the trace. */
#define LATER_MOST 512
#define COUNT_MOST ((uintptr_t)1 << 20)

/*
 * The loader counts what it loads (dlpi_adds), but tells the number only under its lock. The
 * counter is found by its value, behind a mutex, and believed once it moved, too, when the loader's
 * list had grown.
 */
static const uintptr_t *counter;
static uintptr_t count_at_start;

static const struct link_map *last; /* all up to here were learned */
static size_t modules_at_start;

static int read_count(struct dl_phdr_info *info, size_t bytes, void *context)
{
    if (bytes < sizeof *info)
        return 1;
    *(uintptr_t *)context = (uintptr_t)info->dlpi_adds;
    return 1;
}

static const uintptr_t *find_counter(uintptr_t value)
{
    const uintptr_t *data = dlsym(RTLD_DEFAULT, "_rtld_global"), *found = NULL;
    const ElfW(Sym) *symbol = NULL;
    Dl_info info;

    if (!value || !data || !dladdr1(data, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
        return NULL;
    for (size_t i = 3; i < symbol->st_size / sizeof *data; i++) {
        /* The end of a recursive mutex that nobody holds: its kind and an empty list. */
        if (data[i] != value || data[i - 1] || data[i - 2] || data[i - 3] != 1)
            continue;
        if (found)
            return NULL;
        found = &data[i];
    }
    return found;
}

/*
 * Until the first load, the end of the loader's list is watched: the loader appends. What is last
 * there must stay, or this would be freed memory: it is there from the start, or is kept from now
 * on.
 */
bool loads_start(struct loads_watch *watch)
{
    last = modules_at(0)->map;
    while (last->l_next)
        last = last->l_next;
    if (!dlopen(last->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE))
        return false;
    modules_at_start = modules_count();
    dl_iterate_phdr(read_count, &count_at_start);
    counter = find_counter(count_at_start);
    *watch = (struct loads_watch){(const uintptr_t *)&last->l_next, 0};
    return true;
}

static bool is_known(const struct link_map *map)
{
    for (size_t i = modules_count(); i-- > 0;)
        if (modules_at(i)->map == map && !modules_at(i)->gone)
            return true;
    return false;
}

/*
 * The list may change while it is read. A link that is found to be loaded by its address, after it
 * was read, was not freed before; a new file at the place of one that is gone moves the counter.
 */
static bool learn_list(void)
{
    const struct link_map *at = is_known(last) ? last : modules_at(0)->map;
    struct link_map link;

    for (; at; at = link.l_next) {
        struct dl_find_object found;

        if (!safe_read((uintptr_t)at, &link, offsetof(struct link_map, l_prev)) ||
            _dl_find_object(link.l_ld, &found) != 0 || found.dlfo_link_map != at)
            return false;
        if (!is_known(at) && (!modules_find((uintptr_t)link.l_ld) || !is_known(at)))
            return false;
        last = at;
    }
    return true;
}

enum loads loads_learn(struct loads_watch *watch)
{
    if (!counter || modules_count() - modules_at_start > LATER_MOST)
        return LOADS_UNKNOWN;
    uintptr_t count = __atomic_load_n(counter, __ATOMIC_ACQUIRE);
    if (modules_sweep())
        code_forget();
    if (!learn_list())
        return LOADS_NOT_YET;
    /* Called for the first time because the end of the list has moved. */
    if (count - count_at_start - 1 > COUNT_MOST)
        return LOADS_UNKNOWN;
    *watch = (struct loads_watch){counter, count};
    return LOADS_KNOWN;
}
