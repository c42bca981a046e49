/*
 * Millions of resizes, and a few old arrays kept right at the start.
 *
 *     ten_million RESIZES LEAKS
 *
 * Says how much memory the process held after a tenth of the resizes and at
 * the end: a guest that grows with the history shows there.
 */
#include "truth.h"

enum { TABLES = 256, SMALLEST = 8, LARGEST = 64 };

struct table {
    size_t capacity;
    void **buckets;
    bool pinned;
};

NOINLINE void million_resize(struct table *table, size_t capacity)
{
    void **old = table->buckets;
    void **buckets = malloc(capacity * sizeof *buckets);

    if (!buckets)
        abort();
    if (old)
        memcpy(buckets, old,
               (capacity < table->capacity ? capacity : table->capacity) * sizeof *buckets);
    table->buckets = buckets;
    table->capacity = capacity;
    if (!table->pinned)
        free(old);
}

static long resident_kilobytes(void)
{
    char text[128] = "";
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

    if (file < 0 || read(file, text, sizeof text - 1) < 0)
        abort();
    close(file);
    const char *resident = strchr(text, ' ');
    return resident ? atol(resident) * (sysconf(_SC_PAGESIZE) / 1024) : -1;
}

int main(int count, char **arguments)
{
    static struct table tables[TABLES];

    if (count != 3)
        return 2;
    long resizes = atol(arguments[1]), leaks = atol(arguments[2]), early = 0;

    for (int index = 0; index < TABLES; index++)
        million_resize(&tables[index], SMALLEST);
    for (long done = 0; done < resizes; done++) {
        struct table *table = &tables[done % TABLES];
        void **old = table->buckets;
        size_t bytes = table->capacity * sizeof *old;

        table->pinned = done < 100 * leaks && done % 100 == 50;
        million_resize(table, table->capacity < LARGEST ? table->capacity * 2 : SMALLEST);
        if (table->pinned)
            truth_finding((struct truth){
                .kind = "leaked",
                .table = table,
                .table_bytes = sizeof *table,
                .array = old,
                .bytes = bytes,
            });
        if (done == resizes / 10)
            early = resident_kilobytes();
    }
    truth_line("{\"is\":\"note\",\"early_kilobytes\":%ld,\"late_kilobytes\":%ld}", early,
               resident_kilobytes());
    truth_totals(TABLES, resizes);
    return 0;
}
