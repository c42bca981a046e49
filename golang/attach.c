#define _GNU_SOURCE
#include "golang/attach.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "golang/inject.h"
#include "golang/threads.h"

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

__attribute__((format(printf, 3, 4))) static int refuse(struct go_target *target, int error,
                                                        const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(target->why_not, sizeof target->why_not, format, arguments);
    va_end(arguments);
    return error;
}

/* --- what the kernel says of a process ------------------------------------------ */

/* A line of /proc/PID/status; the letter of State as its code. */
static long status_of(pid_t pid, const char *name)
{
    char path[64], line[256];
    long value = 0;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        size_t length = strlen(name);
        if (strncmp(line, name, length) != 0 || line[length] != ':')
            continue;
        const char *text = line + length + 1 + strspn(line + length + 1, "\t ");
        value = *text >= '0' && *text <= '9' ? strtol(text, NULL, 10) : *text;
    }
    if (file)
        fclose(file);
    return value;
}

static int refuse_permission(struct go_target *target)
{
    FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    int scope = file ? fgetc(file) - '0' : 0;

    if (file)
        fclose(file);
    if (scope > 0)
        return refuse(target, -EPERM,
                      "this system allows no ptrace of running processes "
                      "(kernel.yama.ptrace_scope is %d): become root, or use maptrace run",
                      scope);
    return refuse(target, -EPERM,
                  "it may not be traced: it belongs to another user, has gained privileges, or "
                  "ptrace is not allowed here");
}

/*
 * A system call that a filter does not know may kill the process. A filter that we have as
 * well, as within a container, lets us do what is needed.
 */
static bool has_filter(pid_t pid)
{
    return status_of(pid, "Seccomp") == 1 ||
           status_of(pid, "Seccomp_filters") > status_of(getpid(), "Seccomp_filters");
}

static int check(struct go_target *target)
{
    long tracer = status_of(target->pid, "TracerPid"), state = status_of(target->pid, "State");

    if (tracer)
        return refuse(target, -EBUSY, "process %ld traces it already (a debugger?)", tracer);
    if (state == 'T' || state == 't')
        return refuse(target, -EBUSY, "it is stopped: continue it first (kill -CONT %d)",
                      (int)target->pid);
    return 0;
}

/* --- in and out ------------------------------------------------------------------ */

static int refuse_stop(struct go_target *target, int error, bool filter)
{
    if (filter && (error == -EPERM || error == -EINVAL))
        return refuse(target, -EPERM,
                      "it runs under a seccomp filter of its own, which might kill it for the "
                      "system calls that are needed; only root can suspend that");
    if (error == -EPERM)
        return refuse_permission(target);
    return refuse(target, error, "it cannot be stopped: %s", strerror(-error));
}

/*
 * One thread makes the system calls, which take their time on a busy machine; the others
 * have to stand still only while code is written.
 */
static int attach(struct go_target *target, uint64_t ring_bytes)
{
    struct threads threads = {0};
    int error = check(target);

    if (error)
        return error;
    bool filter = has_filter(target->pid);
    error = threads_stop_one(&threads, target->pid, filter);
    if (error)
        return refuse_stop(target, error, filter);
    pid_t thread = threads.items[0].id;
    error = go_target_prepare(target, thread, ring_bytes);
    uint64_t begin = now_ns();
    if (!error) {
        error = threads_stop(&threads, target->pid, filter);
        if (error)
            return refuse_stop(target, error, filter);
        error = go_target_enter(target, thread);
    }
    threads_release(&threads);
    target->stopped_ns = now_ns() - begin;
    target->attached = true;
    return error;
}

/* Or has executed something else. Its memory goes first: what is read then looks like anything. */
static bool has_ended(const struct go_target *target)
{
    const struct memory *memory = &target->memory;
    char path[64], byte;

    snprintf(path, sizeof path, "/proc/%d/exe", (int)target->pid);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return true;
    for (size_t i = 0; i < memory->count; i++)
        if (memory->mappings[i].program && memory->mappings[i].readable)
            return !memory_read(memory, memory->mappings[i].low, &byte, sizeof byte);
    return false;
}

int go_target_attach(struct go_target *target, pid_t pid, uint64_t ring_bytes)
{
    int error = go_target_look(target, pid);

    if (error == -EACCES || error == -EPERM)
        return refuse_permission(target);
    if (!error)
        error = attach(target, ring_bytes);
    if (error && has_ended(target)) {
        *target->why_not = 0;
        error = -ESRCH;
    }
    return error;
}

int go_target_detach(struct go_target *target)
{
    struct threads threads = {0};
    uint64_t begin = now_ns();
    int error = threads_stop(&threads, target->pid, false); /* it makes no system call for us */

    if (error)
        return refuse_stop(target, error, false);
    error = go_target_remove(target, threads.items[0].id);
    threads_release(&threads);
    target->stopped_ns = now_ns() - begin;
    go_target_release(target); /* it may have come to its end just now */
    return error;
}
