#include "golang/sites.h"

int go_sites_make(struct go_sites *sites, struct go_trace *trace)
{
    *sites = (struct go_sites){.trace = trace};
    return address_index_make(&sites->by_caller);
}

void go_sites_free(struct go_sites *sites)
{
    address_index_free(&sites->by_caller);
}

/* The site, new or known; NULL: no room. */
static struct trace_site *site_of(struct go_sites *sites, uint64_t caller,
                                  const struct trace_resize *resize)
{
    struct trace_writer *writer = sites->trace->writer;
    struct trace_header *header = writer->header;
    uint64_t key = caller ^ (uint64_t)resize->type << 48;
    uint32_t index = address_index_get(&sites->by_caller, key);

    if (index != ADDRESS_INDEX_NONE)
        return trace_entry(writer, &header->sites, index);
    index = header->sites_used;
    if (index >= header->sites.capacity ||
        !writer->room(writer->context, &header->sites, (uint64_t)index + 1))
        return NULL;
    struct trace_site *site = trace_entry(writer, &header->sites, index);
    *site = (struct trace_site){.type = resize->type, .stack = resize->stack};
    address_index_put(&sites->by_caller, key, index);
    __atomic_store_n(&header->sites_used, index + 1, __ATOMIC_RELEASE);
    return site;
}

static void raise_to(uint64_t *most, uint64_t value)
{
    if (value > *most)
        *most = value;
}

void go_sites_count(struct go_sites *sites, uint64_t caller, const struct trace_resize *resize)
{
    struct trace_site *site = site_of(sites, caller, resize);

    if (!site)
        return;
    site->tables += resize->table_resizes == 1;
    site->resizes++;
    site->same_size += (resize->flags & TRACE_RESIZE_SAME_SIZE) != 0;
    site->replaced_bytes += resize->old_bytes;
    raise_to(&site->most_resizes, resize->table_resizes);
    raise_to(&site->most_entries, resize->entries);
    raise_to(&site->most_bytes, resize->new_bytes);
}
