/*
 * Locks itself in after its start: a system call that is not on a short list
 * kills it. Then tables grow on.
 *
 *     sandbox HOW WHAT
 *
 * HOW:  prctl, syscall (seccomp by libc's syscall()), strict (SECCOMP_MODE_STRICT)
 * WHAT: leak (immediate tables, of which one leaks), open (an incremental
 *       resize that was open before goes on), begin (one that begins after)
 */
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "dict.h"
#include "table.h"

enum { TABLES = 10, ROUNDS = 6 };

#define ALLOW(number)                                                                              \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                                           \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(__NR_write),
    ALLOW(__NR_exit),
    ALLOW(__NR_exit_group),
    ALLOW(__NR_brk),
    ALLOW(__NR_mmap),
    ALLOW(__NR_munmap),
    ALLOW(__NR_mremap),
    ALLOW(__NR_futex),
    ALLOW(__NR_clock_gettime),
    ALLOW(__NR_rt_sigreturn),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static void lock_in(const char *how)
{
    struct sock_fprog wanted = {sizeof filter / sizeof *filter, filter};
    long answer = -1;

    if (strcmp(how, "strict") != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        abort();
    if (strcmp(how, "prctl") == 0)
        answer = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &wanted);
    else if (strcmp(how, "syscall") == 0)
        answer = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &wanted);
    else if (strcmp(how, "strict") == 0)
        answer = prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    if (answer != 0)
        abort();
}

/* Waits without a system call: the clock is in the vDSO. (Strict mode forbids the clock, too.) */
static void spin_milliseconds(long milliseconds)
{
    struct timespec start, now;

    clock_gettime(CLOCK_MONOTONIC, &start);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 <
           milliseconds);
}

int main(int count, char **arguments)
{
    static struct table tables[TABLES];
    static struct dict dict;

    if (count != 3)
        return 2;
    const char *how = arguments[1], *what = arguments[2];
    long process = getpid();
    bool opens = strcmp(what, "open") == 0, begins = strcmp(what, "begin") == 0;

    free(malloc(100000)); /* strict mode allows no brk: the heap must be there */
    for (int index = 0; index < TABLES; index++)
        table_grow(&tables[index], false);
    dict_grow(&dict);
    if (opens)
        dict_grow(&dict);
    lock_in(how);

    if (begins)
        dict_grow(&dict);
    for (int64_t step = 0; step < 4 && (opens || begins); step++) {
        dict_move(&dict, 2);
        if (strcmp(how, "strict") != 0)
            spin_milliseconds(60);
    }
    for (int round = 1; round < ROUNDS; round++)
        for (int index = 0; index < TABLES; index++) {
            if (strcmp(what, "leak") != 0 || round != 3 || index != 4) {
                table_grow(&tables[index], false);
                continue;
            }
            struct truth leak = table_leak(&tables[index]);
            leak.pid = process; /* strict mode has no getpid */
            truth_finding(leak);
        }
    /* What begins inside, in a table that may no longer be read, may go without its pair. */
    int resizes = TABLES * (ROUNDS - 1) + (opens || begins);
    truth_line("{\"is\":\"totals\",\"tables\":[%d,%d],\"resizes\":[%d,%d]}", TABLES + 1,
               TABLES + 1 + begins, resizes - begins, resizes);
    syscall(SYS_exit, 0);
}
