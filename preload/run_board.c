#include "run_board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "raw.h"
#include "recorder.h"

static void post(struct trace_rule *theirs, const struct trace_rule *rule,
                 const struct trace_header *mine)
{
    uint64_t before =
        __atomic_fetch_add(&theirs->run_status[rule->status & 3], 1, __ATOMIC_RELAXED);

    /* One process writes it: the first. */
    if (rule->status == TRACE_RULE_BLIND && before == 0) {
        const char *slash = strrchr(mine->program, '/');

        snprintf(theirs->run_reason, sizeof theirs->run_reason, "in %.40s (pid %u): %.250s",
                 slash ? slash + 1 : mine->program, mine->pid, rule->reason);
    }
}

void run_board_join(const char *root_path, uint32_t root_pid, bool with_trace)
{
    const struct trace_header *mine = recorder_header();
    long fd = raw_open(root_path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
    struct stat status;
    size_t bytes = mine->rules.offset + mine->rules.capacity * sizeof(struct trace_rule);

    if (raw_failed(fd))
        return;
    long mapped = -EINVAL;
    if (raw_call(SYS_fstat, fd, (long)&status, 0, 0, 0, 0) == 0 && S_ISREG(status.st_mode) &&
        (size_t)status.st_size >= bytes)
        mapped = raw_mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    raw_close((int)fd);
    if (raw_failed(mapped))
        return;
    struct trace_header *root = (struct trace_header *)mapped;
    if (memcmp(root->magic, TRACE_MAGIC, sizeof root->magic) == 0 &&
        root->version == TRACE_VERSION && root->pid == root_pid &&
        root->rules.offset == mine->rules.offset &&
        root->rules.entry_bytes == mine->rules.entry_bytes) {
        struct trace_rule *theirs = (struct trace_rule *)((char *)root + root->rules.offset);

        if (with_trace) {
            __atomic_fetch_add(&root->run_traces, 1, __ATOMIC_RELAXED);
        } else {
            __atomic_fetch_add(&root->run_processes, 1, __ATOMIC_RELAXED);
            for (uint32_t i = 0; i < mine->rules_used && i < root->rules_used; i++)
                /* The launcher's trace of a Go program has one rule alone. */
                if (strcmp(theirs[i].name, recorder_rule(i)->name) == 0)
                    post(&theirs[i], recorder_rule(i), mine);
        }
    }
    raw_munmap((void *)mapped, bytes);
}
