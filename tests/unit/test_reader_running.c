/* trace/reader on traces that are being written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/reader_traces.h"

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * S + (uint64_t)now.tv_nsec;
}

/* Makes BUILDER a trace of this very process. */
static void claim_to_be_us(struct builder *builder)
{
    char stat[1024] = "";
    FILE *file = fopen("/proc/self/stat", "r");
    assert_non_null(file);
    assert_non_null(fgets(stat, sizeof(stat), file));
    fclose(file);
    const char *field = strrchr(stat, ')');
    for (int number = 2; number < 22; number++)
        field = strchr(field + 1, ' ');
    struct trace_header *header = builder->header;
    header->process_start_ticks = strtoull(field, NULL, 10);
    header->pid = (uint32_t)getpid();
    header->end = TRACE_END_NONE;
    header->start_monotonic_ns = monotonic_ns() - 20 * S;
    file = fopen("/proc/sys/kernel/random/boot_id", "r");
    assert_non_null(file);
    memset(header->boot_id, 0, sizeof(header->boot_id));
    assert_int_equal(fread(header->boot_id, 1, 36, file), 36);
    fclose(file);
}

static char *map_trace(size_t bytes)
{
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    assert_true(descriptor >= 0);
    char *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    assert_ptr_not_equal(map, MAP_FAILED);
    return map;
}

static void a_running_process_is_judged_by_now(void **state)
{
    (void)state;
    struct builder builder = rich();
    claim_to_be_us(&builder);
    /* The process lives, but does not have the file mapped: that is what an exec leaves. */
    struct trace *trace = read_whole(&builder);
    assert_false(trace->running);
    trace_free(trace);

    char *map = map_trace(builder.size);
    assert_int_equal(trace_read(path, NULL, &trace, error, sizeof(error)), 0);
    assert_true(trace->running);
    assert_in_range(trace->now_ns, 20 * S, 80 * S);
    assert_int_equal(trace->open_count, 1);
    trace_free(trace);

    struct trace_header *header = (struct trace_header *)map;
    header->boot_id[0] ^= 1;
    assert_int_equal(trace_read(path, NULL, &trace, error, sizeof(error)), 0);
    assert_false(trace->running);
    trace_free(trace);
    header->boot_id[0] ^= 1;
    header->process_start_ticks++;
    assert_int_equal(trace_read(path, NULL, &trace, error, sizeof(error)), 0);
    assert_false(trace->running);
    trace_free(trace);
    munmap(map, builder.size);
    builder_free(&builder);
}

/* A writer that never rests: its entry holds one number in three places. */
static void write_without_rest(char *map)
{
    struct trace_header *header = (struct trace_header *)map;
    struct trace_resize *entry = (struct trace_resize *)(map + header->resizes.offset);
    for (uint64_t n = 1;; n++) {
        uint32_t before = entry->sequence;
        atomic_store_explicit((_Atomic uint32_t *)&entry->sequence, before | 1,
                              memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
        entry->old_address = entry->moved = n;
        /* More often in the middle of it than not. */
        usleep(100);
        entry->table_resizes = n;
        atomic_store_explicit((_Atomic uint32_t *)&entry->sequence, before + 2,
                              memory_order_release);
        usleep(20);
    }
}

static void entries_are_never_torn(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace *trace;
    builder.header->notable_written = builder.header->recent_written = 0;
    claim_to_be_us(&builder);
    builder_write(&builder, path, builder.size);
    char *map = map_trace(builder.size);
    pid_t writer = fork();
    if (writer == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        write_without_rest(map);
    }
    unsigned whole = 0, running = 0, cut = 0;
    for (int i = 0; i < 100; i++) {
        if (trace_read(path, NULL, &trace, error, sizeof(error)) != 0)
            break;
        running += trace->running;
        cut += trace->cut_entries != 0;
        const struct trace_resize *seen = &trace->open[0];
        /* Or it is as it was built. */
        whole += trace->open_count == 1 && seen->sequence % 2 == 0 &&
                 (seen->sequence == 2 ||
                  (seen->old_address == seen->table_resizes && seen->moved == seen->table_resizes));
        trace_free(trace);
    }
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    assert_int_equal(running, 100);
    assert_int_equal(cut, 0);
    assert_int_equal(whole, 100);
    munmap(map, builder.size);
    builder_free(&builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_process_is_judged_by_now),
        cmocka_unit_test(entries_are_never_torn),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
