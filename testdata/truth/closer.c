/*
 * Closes all descriptors it did not open and goes on with its own, as daemons
 * do. Nothing may be written to a descriptor that is not the writer's.
 *
 *     closer MODE
 *
 * range, loop: how it closes them. Says which descriptors were open before,
 * which its own became, and whether anybody wrote to them. Leaks one array.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <sys/stat.h>

#include "table.h"

static int entries(const char *folder)
{
    DIR *directory = opendir(folder);
    int count = 0;

    if (!directory)
        abort();
    while (readdir(directory))
        count++;
    closedir(directory);
    return count - 2;
}

int main(int count, char **arguments)
{
    enum { OWN = 12 };
    struct table table = {0};
    struct stat status;
    int written = 0;

    if (count != 2)
        return 2;
    truth_line("{\"is\":\"note\",\"descriptors\":%d,\"threads\":%d}", entries("/proc/self/fd") - 1,
               entries("/proc/self/task"));
    table_grow(&table, false);
    if (strcmp(arguments[1], "range") == 0)
        close_range(3, ~0u, 0);
    else
        for (int file = 3; file < 1024; file++)
            close(file);
    for (int file = 0; file < OWN; file++) {
        int own = open(".", O_TMPFILE | O_RDWR, 0600);
        if (own != 3 + file)
            abort();
    }
    for (int time = 0; time < 4; time++)
        table_grow(&table, false);
    truth_finding(table_leak(&table));
    for (int file = 3; file < 3 + OWN; file++) {
        if (fstat(file, &status) != 0)
            abort();
        written += status.st_size != 0;
    }
    truth_line("{\"is\":\"note\",\"written\":%d}", written);
    truth_totals(1, 5);
    return 0;
}
