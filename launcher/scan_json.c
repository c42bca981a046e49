#include "launcher/scan_json.h"

#include <inttypes.h>

#include "golang/hmap.h"

static void put_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        unsigned char letter = (unsigned char)*text;
        if (letter == '"' || letter == '\\')
            fprintf(out, "\\%c", letter);
        else if (letter < ' ' || letter >= 127)
            /* Names of types may be UTF-8, paths may not: bytes are shown as Latin-1. */
            fprintf(out, "\\u%04x", letter);
        else
            fputc(letter, out);
    }
    fputc('"', out);
}

static void put_bytes(FILE *out, const char *key, uint8_t log2, uint32_t bucket_bytes)
{
    if (bucket_bytes)
        fprintf(out, "\"%s\": %" PRIu64 ", ", key, go_array_bytes(log2, bucket_bytes));
    else
        fprintf(out, "\"%s\": null, ", key);
}

static void put_map(FILE *out, const struct go_open_map *map)
{
    static const char *const certainties[] = {"exact", "inferred", "ambiguous"};

    fprintf(out, "{\"table\": \"0x%" PRIx64 "\", \"type\": ", map->address);
    put_text(out, map->type->name);
    fprintf(out, ", \"type_confidence\": \"%s\", \"types_fitting\": %" PRIu32 ", ",
            certainties[map->certainty], map->types_fitting);
    fprintf(out,
            "\"count\": %" PRIu64 ", \"log2_buckets\": %u, \"overflow_buckets\": %" PRIu32 ", ",
            map->count, map->log2_buckets, map->overflow);
    fprintf(out, "\"same_size\": %s, \"array\": \"0x%" PRIx64 "\", ",
            map->same_size ? "true" : "false", map->old_array);
    put_bytes(out, "bytes", (uint8_t)(map->log2_buckets - !map->same_size), map->bucket_bytes);
    fprintf(out, "\"new_array\": \"0x%" PRIx64 "\", ", map->new_array);
    put_bytes(out, "new_bytes", map->log2_buckets, map->bucket_bytes);
    fprintf(out, "\"progress\": {\"moved\": %" PRIu64 ", \"of\": %" PRIu64 "}, ", map->moved,
            map->of);
    fprintf(out, "\"found\": \"shape\", \"liveness\": \"unverified\", \"copies\": %" PRIu32 "}",
            map->copies);
}

void scan_json(FILE *out, const struct scan *scan)
{
    static const char *const kinds[] = {"unknown", "classic", "swiss"};
    const struct go_program *program = &scan->program;

    fprintf(out, "{\"schema\": \"maptrace-scan/1\", \"pid\": %d,\n\"program\": ", (int)scan->pid);
    put_text(out, scan->path);
    fputs(",\n\"go\": {\"version\": ", out);
    if (*program->version)
        put_text(out, program->version);
    else
        fputs("null", out);
    fprintf(out, ", \"between\": \"%s\", \"maps\": \"%s\", \"can_be_stuck\": %s},\n",
            program->between, kinds[program->maps],
            program->maps == GO_MAPS_CLASSIC ? "true" : "false");
    fprintf(out, "\"searched_bytes\": %" PRIu64 ",\n\"resizes\": [", scan->maps.searched_bytes);
    for (size_t i = 0; i < scan->maps.count; i++) {
        fputs(i ? ",\n  " : "\n  ", out);
        put_map(out, &scan->maps.items[i]);
    }
    fputs("]}\n", out);
}
