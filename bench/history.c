/*
 * history OUT RECORDS: writes the trace of a process that has finished as many
 * resizes, three a table; one of a hundred thousand was late. A ring that large
 * holds what hours of tracing leave.
 */
#include "testdata/traces/builder.h"

#define MS UINT64_C(1000000)
#define A_TABLE 3u
#define A_LATE_ONE 100000u

static struct trace_resize record(uint64_t n, uint32_t stack)
{
    uint64_t table = 1 + n / A_TABLE, replaced = 1000 * n;
    struct trace_resize resize = builder_resize_of(table, replaced);
    resize.old_bytes = UINT64_C(104) << n % A_TABLE;
    resize.new_bytes = UINT64_C(208) << n % A_TABLE;
    resize.table_resizes = 1 + n % A_TABLE;
    resize.stack = stack;
    builder_end_of_resize(&resize, replaced + 500);
    resize.released_ns = replaced + 400 + (n % A_LATE_ONE ? 0 : 200 * MS);
    resize.flags |= TRACE_RESIZE_RELEASED;
    resize.number = n + 1;
    return resize;
}

int main(int count, char **arguments)
{
    uint64_t records = count == 3 ? strtoull(arguments[2], NULL, 0) : 0;
    if (records == 0 || records > UINT32_MAX)
        return 2;
    struct builder builder = builder_new((struct builder_sizes){4, 4, 64, 16, 16, 1, 1, 64});
    struct trace_header *header = builder.header;
    builder_rule(&builder, "rule", TRACE_IMMEDIATE, TRACE_RULE_ACTIVE)->resizes = records;
    uint64_t frame = builder_frame(builder_module(&builder, "/opt/app", NULL, 0), 0x1234);
    uint32_t stack = builder_stack(&builder, &frame, 1);
    header->last_ns = header->end_ns = 1000 * records + 1000 * MS;
    header->tables = records / A_TABLE;
    header->arrays_seen = header->resizes_seen = header->recent_written = records;
    /* The ring goes behind all else: it is written as it comes, and never in memory. */
    header->recent.offset = builder.size;
    header->recent.capacity = (uint32_t)records;
    header->file_bytes += records * sizeof(struct trace_resize);

    FILE *file = fopen(arguments[1], "wb");
    if (!file || fwrite(builder.bytes, 1, builder.size, file) != builder.size)
        return 1;
    for (uint64_t n = 0; n < records; n++) {
        struct trace_resize resize = record(n, stack);
        if (fwrite(&resize, sizeof(resize), 1, file) != 1)
            return 1;
    }
    builder_free(&builder);
    return fclose(file) != 0;
}
