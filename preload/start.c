#define _GNU_SOURCE
#include "start.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arrays.h"
#include "code.h"
#include "containers.h"
#include "descent.h"
#include "gate.h"
#include "go.h"
#include "index.h"
#include "locators.h"
#include "lock.h"
#include "modules.h"
#include "next.h"
#include "options.h"
#include "pages.h"
#include "plain.h"
#include "progress.h"
#include "raw.h"
#include "recorder.h"
#include "resizes.h"
#include "returns.h"
#include "run_board.h"
#include "safe_read.h"
#include "sampler.h"
#include "sandbox.h"
#include "status.h"
#include "thread.h"

/* A rule file larger than this is a mistake. */
#define RULE_FILE_MOST ((off_t)4 << 20)

enum start_state start_state;
__thread struct thread thread_self
    __attribute__((tls_model("initial-exec"))) = {.mark.low = UINTPTR_MAX};

static struct options options;
static const char *unmarked; /* why marks are not used; NULL: they are */
static uint32_t found_root;  /* the first process, if it was found out without being told */
static struct arena memory;
static struct rule_set rules;
static struct rule **rules_by_index;
static struct {
    char text[8][256];
    unsigned count;
} complaints; /* until there is a trace to hold them */

const struct rule_set *start_rules(void)
{
    return &rules;
}

struct rule *start_rule(unsigned index)
{
    return rules_by_index[index];
}

static void complain(void *context, const char *text)
{
    (void)context;
    if (complaints.count < sizeof complaints.text / sizeof *complaints.text)
        snprintf(complaints.text[complaints.count++], sizeof *complaints.text, "%s", text);
}

/* The whole file, mapped; NULL if it cannot be read. */
static const char *map_file(const char *path, size_t *bytes)
{
    struct stat status;
    long fd = raw_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0), address = -ENOENT;

    *bytes = 0;
    if (raw_failed(fd))
        return NULL;
    if (raw_call(SYS_fstat, fd, (long)&status, 0, 0, 0, 0) == 0 && S_ISREG(status.st_mode) &&
        status.st_size <= RULE_FILE_MOST) {
        *bytes = (size_t)status.st_size;
        address = *bytes
                      ? raw_mmap(NULL, *bytes, 1 /* PROT_READ */, 2 /* MAP_PRIVATE */, (int)fd, 0)
                      : (long)"";
    }
    raw_close((int)fd);
    return raw_failed(address) ? NULL : (const char *)address;
}

/* The user's files between `:`; returns the hash over all rule text. */
static uint64_t read_rules(void)
{
    uint64_t hash = rules_hash(RULES_HASH_SEED, rules_catalogue, rules_catalogue_bytes);
    const char *at = options.rules;

    rules_parse(&rules, rules_catalogue, rules_catalogue_bytes, "built-in", false, &memory.take,
                complain, NULL);
    while (at && *at) {
        size_t length = strcspn(at, ":"), bytes;
        char *path = arena_take(&memory, length + 1);

        if (path && length) {
            memcpy(path, at, length);
            const char *text = map_file(path, &bytes);
            if (text) {
                rules_parse(&rules, text, bytes, path, true, &memory.take, complain, NULL);
                hash = rules_hash(hash, text, bytes);
            } else {
                char line[256];

                snprintf(line, sizeof line, "%s: cannot be read (MAPTRACE_RULES)", path);
                complain(NULL, line);
            }
        }
        at += length + (at[length] == ':');
    }
    rules_by_index = arena_take(&memory, (rules.count + 1) * sizeof *rules_by_index);
    for (struct rule *rule = rules.first; rules_by_index && rule; rule = rule->next)
        rules_by_index[rule->index] = rule;
    return hash;
}

/* A descendant's file: the first process's name and our pid. */
static const char *own_path(void)
{
    static char path[sizeof options.output + 32];
    struct stat status;
    unsigned attempt = 1;

    if (!options.root_pid)
        return options.output;
    snprintf(path, sizeof path, "%s.%ld", options.output, raw_getpid());
    /* A process that execs keeps its pid: the trace of what it was before stays. */
    while (attempt < 1000 && raw_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status,
                                      AT_SYMLINK_NOFOLLOW, 0, 0) == 0)
        snprintf(path, sizeof path, "%s.%ld.%u", options.output, raw_getpid(), ++attempt);
    return path;
}

static struct recorder_plan plan(uint32_t flags)
{
    return (struct recorder_plan){
        .ring_bytes = options.ring_bytes,
        .flags = flags | (options.root_pid ? TRACE_FLAG_DESCENDANT : 0),
        .shared = go_is_entered(),
        .root_pid = options.root_pid,
        .path = own_path(),
    };
}

/* WHY matching is slower than it could be, or NULL. */
static void say(const char *what, const char *why)
{
    char line[512];
    int length;

    if (!options.verbose)
        return;
    length =
        snprintf(line, sizeof line, "maptrace: pid %ld: %s: %s%s%s%s\n", raw_getpid(), what,
                 recorder_path(), why ? " (slower matching: " : "", why ? why : "", why ? ")" : "");
    if (length > 0)
        raw_write(2, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

static void give_up(const char *what, int error)
{
    char line[256];

    start_state = START_OFF;
    sampler_stop();
    snprintf(line, sizeof line, "%s (%s); not tracing", what, strerrordesc_np(-error));
    say(line, NULL);
}

static void before_fork(void)
{
    if (thread_self.busy)
        return; /* a handler that interrupted the tracer: the child cannot trust the state */
    lock_take();
}

static void after_fork_parent(void)
{
    lock_release();
}

static void after_fork_child(void)
{
    lock_disown();
    thread_self.busy = 0;
    thread_self.id = 0;
    sampler_forget();
}

/* How descendants know that they are. */
static void tell_descendants(void)
{
    char value[sizeof options.output + 16];

    if (options.root_pid && !found_root)
        return;
    snprintf(value, sizeof value, "%ld:%s", found_root ? (long)found_root : raw_getpid(),
             options.output);
    setenv(OPTIONS_RUN, value, 1);
}

static int prepare(void)
{
    struct recorder_plan first = plan(TRACE_FLAG_PREPARING);
    struct rule_matcher *matcher;
    int error;

    arena_init(&memory);
    index_start(options.rules, read_rules());
    matcher = rules_matcher(&rules, &memory.take);
    if (!matcher || !rules_by_index)
        return -ENOMEM;
    if ((error = recorder_prepare(&first)) || (error = code_start()) ||
        (error = arrays_start(recorder_array_room())) ||
        (error = resizes_start(recorder_resize_room())))
        return error;
    plain_start(options.match == MATCH_FULL);
    returns_start(options.no_returns);
    locators_start();
    progress_start(&rules);
    containers_start(&rules);
    status_start(&rules);
    for (unsigned i = 0; i < complaints.count; i++)
        recorder_message("%s", complaints.text[i]);
    if (options.bad)
        recorder_message("%s", options.bad);
    modules_start(&rules, matcher);
    status_update(&rules);
    if (options.match == MATCH_MARKS)
        unmarked = gate_start();
    go_begin();
    return 0;
}

/*
 * A program that is linked with musl loads the library, too, if LD_PRELOAD was inherited: it must
 * start, so what only glibc has is weak. There the tracer stays off.
 */
#pragma weak _dl_find_object
#pragma weak strerrordesc_np
#pragma weak __register_atfork

/* pthread_atfork refers to it in a way that is not weak. */
extern int __register_atfork(void (*)(void), void (*)(void), void (*)(void), void *);
extern void *__dso_handle;

static bool is_glibc(void)
{
    return &_dl_find_object;
}

/* Without the thread that takes them nobody may make events. */
static void gather_go(void)
{
    if (!go_is_on())
        return;
    sampler_wake();
    if (!sampler_runs())
        go_leave("no thread can be started in it");
}

static void start(void)
{
    int kept = errno, error;

    if (!is_glibc()) {
        start_state = START_OFF;
        return;
    }

    options_read(&options);
    if (options.disabled) {
        start_state = START_OFF;
        return;
    }
    if (!options.root_pid)
        options.root_pid = found_root = descent_root(options.output);
    lock_init();
    lock_take();
    safe_read_start();
    go_enter(options.ring_bytes); /* nothing of the program's own runs before */
    error = prepare();
    if (error) {
        go_leave("no memory for the tracer");
        arena_release(&memory); /* the program needs it more */
        lock_release();
        give_up("no memory for the tracer", error);
        errno = kept;
        return;
    }
    recorder_header()->flags &= ~(uint32_t)TRACE_FLAG_PREPARING;
    if (!options.root_pid)
        error = recorder_begin();
    else
        run_board_join(options.output, options.root_pid, false);
    if (error)
        go_leave("its trace cannot be written");
    lock_release();
    if (error) {
        give_up("cannot write the trace", error);
    } else {
        __register_atfork(before_fork, after_fork_parent, after_fork_child, __dso_handle);
        tell_descendants();
        start_state = START_ON;
        gather_go();
        say("tracing to", unmarked);
    }
    errno = kept;
}

void start_early(void)
{
    /* Before libc's own constructor there is no environment to read. */
    if (start_state != START_NOT_YET || !environ || thread_self.nested)
        return;
    thread_self.nested++;
    start_state = START_UNDER_WAY;
    next_resolve();
    start();
    thread_self.nested--;
}

__attribute__((constructor)) static void constructor(void)
{
    start_early();
}

void start_end(void)
{
    if (go_is_on() && lock_take()) {
        go_finish();
        lock_release();
    }
    resizes_finish();
}

__attribute__((destructor)) static void destructor(void)
{
    if (start_state != START_ON || !lock_is_ours())
        return;
    thread_self.nested++;
    start_end();
    say("ended", options.match == MATCH_MARKS && !unmarked ? gate_why_open() : NULL);
    thread_self.nested--;
}

void start_seen(void)
{
    if (recorder_has_file())
        return;
    int error = recorder_begin();
    if (error) {
        recorder_header()->flags |= TRACE_FLAG_OFF;
        start_state = START_OFF;
        return;
    }
    resizes_publish_all();
    go_publish();
    run_board_join(options.output, options.root_pid, true);
}

bool start_after_fork(void)
{
    thread_self.nested++;
    if (!options.root_pid)
        options.root_pid = recorder_header()->pid;
    lock_adopt();
    sampler_forget();
    thread_self.busy = 1;
    thread_self.id = 0;
    safe_read_start();
    struct recorder_plan child = plan(TRACE_FLAG_FORKED);
    int error = sandbox_may_call() ? recorder_leave(&child) : -EPERM;
    if (error) {
        start_state = START_OFF;
    } else {
        resizes_inherit();
        go_forget();
    }
    thread_self.busy = 0;
    thread_self.nested--;
    return !error;
}

void start_missed(void)
{
    if (lock_is_ours())
        __atomic_fetch_add(&recorder_header()->lost_arrays, 1, __ATOMIC_RELAXED);
}

void start_missed_release(void)
{
    if (lock_is_ours())
        __atomic_fetch_add(&recorder_header()->lost_releases, 1, __ATOMIC_RELAXED);
}
