#define _GNU_SOURCE
#include "golang/remote.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIGNALS_BYTES = 8 }; /* the kernel's sigset_t */

static int request(enum __ptrace_request what, pid_t thread, uint64_t address, const void *data)
{
    return ptrace(what, thread, (void *)address, (void *)data) < 0 ? -errno : 0;
}

int remote_begin(struct remote *remote, pid_t process, pid_t thread, uint64_t system_call)
{
    static const uint64_t all = UINT64_MAX;
    int error;

    *remote = (struct remote){.process = process, .thread = thread, .system_call = system_call};
    error = request(PTRACE_GETREGS, thread, 0, &remote->registers);
    if (!error)
        error = request(PTRACE_GETSIGMASK, thread, SIGNALS_BYTES, &remote->mask);
    if (!error)
        error = request(PTRACE_SETSIGMASK, thread, SIGNALS_BYTES, &all);
    return error;
}

int remote_end(struct remote *remote)
{
    int error = request(PTRACE_SETREGS, remote->thread, 0, &remote->registers);

    if (!error)
        error = request(PTRACE_SETSIGMASK, remote->thread, SIGNALS_BYTES, &remote->mask);
    for (int number = 1; number <= 64; number++)
        if (remote->swallowed >> (number - 1) & 1)
            syscall(SYS_tgkill, remote->process, remote->thread, number);
    return error;
}

/* A thread that was killed is a zombie until all others of its process are taken note of. */
static bool is_dead(const struct remote *remote)
{
    char path[64], text[256];

    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)remote->process, (int)remote->thread);
    FILE *file = fopen(path, "re");
    if (!file)
        return true;
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[bytes] = 0;
    const char *name_end = strrchr(text, ')');
    return !name_end || strchr("ZXx", name_end[2]) != NULL;
}

/* The next stop: its wait status, or -ESRCH. */
static int next_stop(const struct remote *remote)
{
    const struct timespec moment = {.tv_nsec = 20000};
    int status;

    for (;;) {
        pid_t got = waitpid(remote->thread, &status, __WALL | WNOHANG);
        if (got == remote->thread)
            return WIFSTOPPED(status) ? status : -ESRCH;
        if (got < 0 || is_dead(remote))
            return -ESRCH;
        nanosleep(&moment, NULL);
    }
}

/* One instruction further. What cannot be held (SIGSTOP) is kept for later. */
static int step(struct remote *remote)
{
    for (;;) {
        if (ptrace(PTRACE_SINGLESTEP, remote->thread, NULL, NULL) < 0)
            return -errno;
        int status = next_stop(remote);
        if (status < 0)
            return status;
        int number = WSTOPSIG(status);
        if (status >> 16) /* a stop of ptrace's own, or one of the whole group */
            continue;
        if (number == SIGTRAP)
            return 0;
        remote->swallowed |= (uint64_t)1 << (number - 1);
    }
}

int64_t remote_call(struct remote *remote, long number, const uint64_t arguments[6])
{
    struct user_regs_struct registers = remote->registers;
    int error;

    registers.rip = remote->system_call;
    registers.rax = (uint64_t)number;
    registers.orig_rax = UINT64_MAX; /* nothing is to be started again */
    registers.rdi = arguments[0];
    registers.rsi = arguments[1];
    registers.rdx = arguments[2];
    registers.r10 = arguments[3];
    registers.r8 = arguments[4];
    registers.r9 = arguments[5];
    error = request(PTRACE_SETREGS, remote->thread, 0, &registers);
    if (!error)
        error = step(remote);
    if (!error)
        error = request(PTRACE_GETREGS, remote->thread, 0, &registers);
    return error ? error : (int64_t)registers.rax;
}

int remote_write(pid_t thread, uint64_t address, const void *bytes, size_t count)
{
    const unsigned char *from = bytes;

    while (count) {
        uint64_t aligned = address & ~(uint64_t)7, word;
        size_t offset = address - aligned, part = 8 - offset < count ? 8 - offset : count;

        errno = 0;
        word = (uint64_t)ptrace(PTRACE_PEEKDATA, thread, (void *)aligned, NULL);
        if (errno)
            return -errno;
        memcpy((unsigned char *)&word + offset, from, part);
        if (ptrace(PTRACE_POKEDATA, thread, (void *)aligned, (void *)word) < 0)
            return -errno;
        address += part;
        from += part;
        count -= part;
    }
    return 0;
}
