#define _GNU_SOURCE
#include "golang/start.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "golang/inject.h"
#include "golang/remote.h"

/* The next stop of PID: its wait status, or -ESRCH. Its end is left for who asks next. */
static int next_stop(pid_t pid)
{
    siginfo_t what;
    int status;

    for (;;) {
        if (waitid(P_PID, (id_t)pid, &what, WEXITED | WSTOPPED | WNOWAIT | __WALL) != 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        if (what.si_code != CLD_TRAPPED && what.si_code != CLD_STOPPED)
            return -ESRCH;
        if (waitpid(pid, &status, WSTOPPED | WNOHANG | __WALL) == pid)
            return status;
    }
}

/* Lets PID go on from a stop, as it would without us. */
static int pass(pid_t pid, int status)
{
    int event = status >> 16, number = WSTOPSIG(status);

    if (event == PTRACE_EVENT_STOP && number != SIGTRAP)
        return ptrace(PTRACE_LISTEN, pid, NULL, NULL) < 0 ? -errno : 0;
    return ptrace(PTRACE_CONT, pid, NULL, (void *)(long)(event ? 0 : number)) < 0 ? -errno : 0;
}

/*
 * Runs PID up to the first instruction of what it executes. The stop that execve itself
 * makes is within the system call, whose end would write over a register.
 */
static int run_to_execution(pid_t pid)
{
    bool executed = false;

    for (;;) {
        int status = next_stop(pid), error;

        if (status < 0)
            return status;
        if (executed && status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGTRAP)
            return 0;
        if (status >> 16 == PTRACE_EVENT_EXEC)
            executed = true;
        /* Again after each stop: it makes the kernel forget that another is wanted. */
        if (executed && ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
            return -errno;
        error = pass(pid, status);
        if (error)
            return error;
    }
}

/* The program's own first instruction, if a loader runs before; else 0. */
static uint64_t entry_after_loader(pid_t pid)
{
    Elf64_auxv_t vector[64];
    uint64_t entry = 0, loader = 0;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/auxv", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd < 0 ? 0 : read(fd, vector, sizeof vector);
    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i < bytes / (ssize_t)sizeof *vector; i++)
        if (vector[i].a_type == AT_ENTRY)
            entry = vector[i].a_un.a_val;
        else if (vector[i].a_type == AT_BASE)
            loader = vector[i].a_un.a_val;
    return loader ? entry : 0;
}

/* The loader moves the program's pointers to where it is; the runtime has not begun yet. */
static int run_to(pid_t pid, uint64_t address)
{
    static const unsigned char breakpoint = 0xcc;
    struct user_regs_struct registers;
    unsigned char before;
    long word;
    int error;

    errno = 0;
    word = ptrace(PTRACE_PEEKDATA, pid, (void *)address, NULL);
    if (errno)
        return -errno;
    before = (unsigned char)word;
    error = remote_write(pid, address, &breakpoint, 1);
    if (!error)
        error = ptrace(PTRACE_CONT, pid, NULL, NULL) < 0 ? -errno : 0;
    while (!error) {
        int status = next_stop(pid);

        if (status < 0)
            return status;
        if (status >> 16 == 0 && WSTOPSIG(status) == SIGTRAP &&
            ptrace(PTRACE_GETREGS, pid, NULL, &registers) == 0 && registers.rip == address + 1)
            break;
        error = pass(pid, status);
    }
    if (!error)
        error = remote_write(pid, address, &before, 1);
    registers.rip = address;
    if (!error && ptrace(PTRACE_SETREGS, pid, NULL, &registers) < 0)
        error = -errno;
    return error;
}

static int run_to_entry(pid_t pid)
{
    int error = run_to_execution(pid);
    uint64_t entry = error ? 0 : entry_after_loader(pid);

    return entry ? run_to(pid, entry) : error;
}

int go_target_start(struct go_target *target, pid_t pid, int gate, uint64_t ring_bytes)
{
    int error = 0;

    *target = (struct go_target){.pid = pid, .memory.fd = -1};
    if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_TRACEEXEC) < 0) {
        error = -errno;
        snprintf(target->why_not, sizeof target->why_not, "it cannot be stopped by ptrace: %s",
                 strerror(errno));
    }
    while (write(gate, "", 1) < 0 && errno == EINTR)
        ;
    if (error)
        return error;
    error = run_to_entry(pid);
    if (error)
        return error;
    error = go_target_look(target, pid);
    if (!error)
        error = go_target_prepare(target, pid, ring_bytes);
    if (!error)
        error = go_target_enter(target, pid);
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
    return error;
}
