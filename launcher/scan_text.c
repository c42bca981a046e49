#include "launcher/scan_text.h"

#include <inttypes.h>
#include <stdbool.h>

#include "analyzer/units.h"
#include "golang/hmap.h"

enum { MOST_SHOWN = 20 };

/* A file's or a type's name may hold anything: what would move a cursor does not get out. */
static void put_foreign(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 127 ? '?' : *text, out);
}

static void put_type(FILE *out, const struct go_open_map *map)
{
    if (map->certainty == GO_TYPE_UNKNOWN) {
        fprintf(out, "%" PRIu32 " types fit, one is ", map->types_fitting);
        put_foreign(out, map->type->name);
    } else {
        put_foreign(out, map->type->name);
        fputs(map->certainty == GO_TYPE_INFERRED ? " (inferred: the only one that fits)" : "", out);
    }
}

static void put_bytes(FILE *out, uint64_t array, uint8_t log2, uint32_t bucket_bytes)
{
    fprintf(out, "0x%" PRIx64 ", %" PRIu64 " buckets, ", array, (uint64_t)1 << log2);
    if (bucket_bytes)
        fprintf(out, "%s\n", units_exact(go_array_bytes(log2, bucket_bytes)).text);
    else
        fputs("bytes not known\n", out);
}

static void put_map(FILE *out, const struct go_open_map *map, size_t number)
{
    uint8_t old = (uint8_t)(map->log2_buckets - !map->same_size);

    fprintf(out, "\n%zu. ", number);
    put_type(out, map);
    fprintf(out,
            "\n   map         0x%" PRIx64 ", %" PRIu64 " entries, B = %u, %s%" PRIu32
            " overflow buckets\n",
            map->address, map->count, map->log2_buckets, map->log2_buckets >= 16 ? "about " : "",
            map->overflow);
    fprintf(out, "   resize      %s\n",
            map->same_size ? "to the same size: it had too many overflow buckets" : "doubling");
    fprintf(out, "   progress    %" PRIu64 " of %" PRIu64 " buckets moved (%.0f %%)\n", map->moved,
            map->of, 100.0 * (double)map->moved / (double)map->of);
    fputs("   old array   ", out);
    put_bytes(out, map->old_array, old, map->bucket_bytes);
    fputs("   new array   ", out);
    put_bytes(out, map->new_array, map->log2_buckets, map->bucket_bytes);
}

static void put_maps(FILE *out, const struct go_open_maps *maps)
{
    uint64_t bytes = 0;
    bool all = true;

    for (size_t i = 0; i < maps->count; i++) {
        const struct go_open_map *map = &maps->items[i];
        bytes += go_array_bytes((uint8_t)(map->log2_buckets - !map->same_size), map->bucket_bytes);
        all &= map->bucket_bytes != 0;
    }
    if (!maps->count) {
        fprintf(out, "no map is in the middle of a resize (%s searched)\n",
                units_size(maps->searched_bytes).text);
        return;
    }
    fprintf(out, "%zu map%s in the middle of a resize; the old arrays hold %s%s (%s searched)\n",
            maps->count, maps->count == 1 ? " is" : "s are", all ? "" : "at least ",
            units_exact(bytes).text, units_size(maps->searched_bytes).text);
    for (size_t i = 0; i < maps->count && i < MOST_SHOWN; i++)
        put_map(out, &maps->items[i], i + 1);
    if (maps->count > MOST_SHOWN)
        fprintf(out, "\n%zu more, use --format=json\n", maps->count - MOST_SHOWN);
    fputs("\nLiveness unverified: a map that the program has dropped looks the same until its\n"
          "memory is used again. Found by shape, in memory that changes: scan again before\n"
          "you believe that one is stuck. Types made by reflection are not known here, and\n"
          "maps of such types are not found.\n",
          out);
}

void scan_text(FILE *out, const struct scan *scan)
{
    const struct go_program *program = &scan->program;

    fprintf(out, "maptrace: process %d, ", (int)scan->pid);
    put_foreign(out, scan->path);
    if (*program->version) {
        fputs(", ", out);
        put_foreign(out, program->version);
        fputs("\n", out);
    } else {
        fprintf(out, ", Go %s (it does not say which)\n", program->between);
    }
    switch (program->maps) {
    case GO_MAPS_CLASSIC:
        put_maps(out, &scan->maps);
        break;
    case GO_MAPS_SWISS:
        fputs("It has Swiss maps, as Go has since 1.24. No old array can be stuck: a table that\n"
              "grows drops its old array at once, and the next collection frees it.\n",
              out);
        break;
    case GO_MAPS_UNKNOWN:
        fputs("Neither of the two kinds of maps is linked into it.\n", out);
        break;
    }
}
