/*
 * Changes who it is while an incremental resize is open.
 *
 *     privileges HOW
 *
 * userns   unshare(CLONE_NEWUSER), which the kernel refuses to a process with
 *          more than one thread
 * setuid   drops to another user, by libc (which tells all threads)
 * none     nothing
 *
 * Says how many threads there are before, while and after the resize is open,
 * then leaks an array of another table.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <sched.h>

#include "dict.h"
#include "table.h"

static int threads(void)
{
    DIR *directory = opendir("/proc/self/task");
    int count = -2;

    if (!directory)
        return -1;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static int change(const char *how)
{
    if (strcmp(how, "userns") == 0)
        return unshare(CLONE_NEWUSER);
    if (strcmp(how, "setuid") == 0)
        return setgroups(0, NULL) || setgid(65534) || setuid(65534) ? -1 : 0;
    return 0;
}

int main(int count, char **arguments)
{
    static struct dict dict;
    struct table table = {0};

    if (count != 2)
        return 2;
    dict_grow(&dict);
    int before = threads();
    dict_grow(&dict);
    dict_move(&dict, 3);
    sleep_milliseconds(50);
    int during = threads();
    errno = 0;
    int answer = change(arguments[1]);
    int problem = errno;
    sleep_milliseconds(50);
    dict_move(&dict, 100);
    int after = threads();
    for (int wait = 0; after != 1 && wait < 100; wait++) {
        sleep_milliseconds(10);
        after = threads();
    }
    for (int time = 0; time < 4; time++)
        table_grow(&table, false);
    truth_finding(table_leak(&table));
    truth_line("{\"is\":\"note\",\"before\":%d,\"during\":%d,\"after\":%d,\"answer\":%d,"
               "\"errno\":%d,\"user\":%d}",
               before, during, after, answer, answer ? problem : 0, (int)geteuid());
    truth_totals(2, 5);
    return 0;
}
