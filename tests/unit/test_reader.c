/* trace/reader: every kind of trace, whole, cut anywhere, still being written, and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "testdata/traces/builder.h"
#include "trace/reader.h"
#include "trace/reader_layout.h"

#define S UINT64_C(1000000000)

static char folder[] = "/tmp/test_reader.XXXXXX";
static char path[sizeof(folder) + 16];
static char error[512];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/trace", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

/* Something of everything, in every region. */
static struct builder rich(void)
{
    struct builder builder = builder_small();
    builder_rule(&builder, "first", TRACE_IMMEDIATE, TRACE_RULE_ACTIVE);
    builder_rule(&builder, "second", TRACE_INCREMENTAL, TRACE_RULE_IDLE);
    uint32_t module = builder_module(&builder, "/opt/app/bin/app", NULL, 0);
    uint64_t frames[] = {builder_frame(module, 0x1234), builder_frame(module, 0x5678)};
    uint32_t stack = builder_stack(&builder, frames, 2);
    builder_array(&builder, 0x1000, 64, 1)->stack = stack;
    builder_array(&builder, 0x2000, 128, 1);
    builder_open(&builder, 1, S)->stack = stack;
    builder_notable(&builder, 2, S, 2 * S);
    builder_recent(&builder, 3, S, S + 1);
    builder_recent(&builder, 4, S, S + 1);
    builder_message(&builder, "a message");
    return builder;
}

static int read_bytes(const struct builder *builder, size_t bytes, struct trace **trace)
{
    builder_write(builder, path, bytes);
    return trace_read(path, NULL, trace, error, sizeof(error));
}

static struct trace *read_whole(const struct builder *builder)
{
    struct trace *trace = NULL;
    int outcome = read_bytes(builder, builder->size, &trace);
    if (outcome != 0)
        fail_msg("%s", error);
    return trace;
}

static void reads_everything(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace *trace = read_whole(&builder);
    assert_true(trace_complete(trace));
    assert_false(trace->running);
    assert_int_equal(trace->now_ns, 10 * S);
    assert_int_equal(trace->rule_count, 2);
    assert_string_equal(trace->rules[1].name, "second");
    assert_int_equal(trace->module_count, 1);
    assert_int_equal(trace->array_count, 2);
    assert_int_equal(trace->arrays[1].bytes, 128);
    assert_int_equal(trace->open_count, 1);
    assert_int_equal(trace->notable.count, 1);
    assert_int_equal(trace->recent.count, 2);
    assert_int_equal(trace->recent.overwritten, 0);
    assert_string_equal(trace->messages, "a message\n");
    const uint64_t *frames;
    assert_int_equal(trace_stack(trace, trace->open[0].stack, &frames), 2);
    assert_int_equal(TRACE_FRAME_ADDRESS(frames[1]), 0x5678);
    assert_string_equal(trace_frame_module(trace, frames[0])->path, "/opt/app/bin/app");
    assert_null(trace_frame_module(trace, builder_frame(TRACE_NO_MODULE, 1)));
    assert_null(trace_frame_module(trace, builder_frame(1, 1)));
    trace_free(trace);
    builder_free(&builder);
}

/* --- time ------------------------------------------------------------------------- */

static void a_dead_process_is_judged_by_its_last_word(void **state)
{
    (void)state;
    struct builder builder = rich();
    builder.header->end = TRACE_END_NONE;
    builder.header->last_ns = 7 * S;
    struct trace *trace = read_whole(&builder);
    assert_false(trace->running);
    assert_int_equal(trace->now_ns, 7 * S);
    trace_free(trace);
    /* Destructors still release after exit() was seen. */
    builder.header->end = TRACE_END_EXIT;
    builder.header->end_ns = 5 * S;
    trace = read_whole(&builder);
    assert_int_equal(trace->now_ns, 7 * S);
    trace_free(trace);
    builder_free(&builder);
}

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

static void a_resize_that_ends_meanwhile_is_seen_once(void **state)
{
    (void)state;
    struct builder builder = rich();
    /* In the ring already, its live entry not yet cleared. */
    builder_notable(&builder, 1, S, 5 * S);
    struct trace *trace = read_whole(&builder);
    assert_int_equal(trace->open_count, 0);
    assert_int_equal(trace->notable.count, 2);
    assert_true(trace_complete(trace));
    trace_free(trace);
    builder_free(&builder);
}

/* --- losses ----------------------------------------------------------------------- */

static void entries_cut_in_the_middle_are_counted(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace_header *header = builder.header;
    ((struct trace_array *)builder_entry(&builder, &header->arrays, 0))->sequence = 7;
    ((struct trace_resize *)builder_entry(&builder, &header->resizes, 0))->sequence = 3;
    /* Free as it may look: it is neither used nor free. */
    ((struct trace_resize *)builder_entry(&builder, &header->resizes, 5))->sequence = 1;
    ((struct trace_resize *)builder_entry(&builder, &header->recent, 1))->number = 0;
    struct trace *trace = read_whole(&builder);
    assert_int_equal(trace->cut_entries, 4);
    assert_int_equal(trace->array_count, 1);
    assert_int_equal(trace->open_count, 0);
    assert_int_equal(trace->recent.count, 1);
    assert_false(trace_complete(trace));
    trace_free(trace);
    builder_free(&builder);
}

static void a_record_after_the_last_counted_one(void **state)
{
    (void)state;
    struct builder builder = rich();
    builder.header->recent_written--; /* finished, but not yet counted when the process died */
    struct trace *trace = read_whole(&builder);
    assert_int_equal(trace->recent.count, 2);
    assert_int_equal(trace->cut_entries + trace->bad_entries, 0);
    trace_free(trace);
    ((struct trace_resize *)builder_entry(&builder, &builder.header->recent, 1))->number = 0;
    trace = read_whole(&builder);
    assert_int_equal(trace->recent.count, 1);
    assert_int_equal(trace->cut_entries, 1);
    trace_free(trace);
    builder_free(&builder);
}

static void rings_wrap(void **state)
{
    (void)state;
    for (uint64_t written = 1; written <= 40; written++) {
        struct builder builder = builder_small(); /* rings of 8 */
        builder_rule(&builder, "rule", TRACE_IMMEDIATE, TRACE_RULE_ACTIVE);
        for (uint64_t n = 0; n < written; n++)
            builder_recent(&builder, n + 1, S, S + 1);
        struct trace *trace = read_whole(&builder);
        uint64_t kept = written < 8 ? written : 8;
        assert_int_equal(trace->recent.count, kept);
        assert_int_equal(trace->recent.overwritten, written - kept);
        for (uint64_t i = 0; i < kept; i++)
            assert_int_equal(trace->recent.records[i].number, written - kept + i + 1);
        assert_true(trace_complete(trace));
        trace_free(trace);
        /* Killed while it wrote over the oldest. */
        if (written > 8) {
            ((struct trace_resize *)builder_entry(&builder, &builder.header->recent, written % 8))
                ->number = 0;
            trace = read_whole(&builder);
            assert_int_equal(trace->recent.count, 7);
            assert_int_equal(trace->cut_entries, 1);
            trace_free(trace);
        }
        builder_free(&builder);
    }
}

struct odd {
    unsigned passes;
    uint64_t seen[64];
    size_t count;
};

static bool two_passes(void *context, const struct trace *trace, unsigned number)
{
    struct odd *odd = context;
    assert_int_equal(trace->rule_count, 1);
    odd->passes = number;
    return number < 2;
}

static bool keep_odd(void *context, const struct trace *trace, const struct trace_resize *resize)
{
    struct odd *odd = context;
    (void)trace;
    odd->seen[odd->count++] = resize->number;
    return resize->number % 2;
}

static void a_sieve_says_what_is_kept(void **state)
{
    (void)state;
    struct builder builder = builder_small(); /* rings of 8 */
    struct odd odd = {0};
    struct trace_sieve sieve = {two_passes, keep_odd, &odd};
    struct trace *trace;
    builder_rule(&builder, "rule", TRACE_IMMEDIATE, TRACE_RULE_ACTIVE);
    builder_open(&builder, 13, S); /* is in the ring, too, and not kept there */
    for (uint64_t n = 0; n < 13; n++)
        builder_recent(&builder, n + 1, S, S + 5);
    builder_open(&builder, 10, S);
    builder_write(&builder, path, builder.size);
    assert_int_equal(trace_read(path, &sieve, &trace, error, sizeof(error)), 0);
    assert_int_equal(odd.passes, 2);
    assert_int_equal(odd.count, 16);
    for (size_t i = 0; i < odd.count; i++)
        assert_int_equal(odd.seen[i], 6 + i % 8);
    assert_int_equal(trace->recent.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(trace->recent.records[i].number, 7 + 2 * i);
    assert_int_equal(trace->open_count, 0);
    assert_int_equal(trace->held[0][3], 8);
    assert_true(trace_complete(trace));
    trace_free(trace);
    builder_free(&builder);
}

static void cut_anywhere(void **state)
{
    (void)state;
    struct builder builder = rich();
    size_t header = sizeof(struct trace_header);
    struct trace *trace;
    for (size_t bytes = 0; bytes < builder.size; bytes++) {
        /* Every byte where the header ends, and every 512 after it. */
        if (bytes % 512 != 0 && (bytes + 8 < header || bytes > header + 8))
            continue;
        int outcome = read_bytes(&builder, bytes, &trace);
        if (bytes < header) {
            assert_int_equal(outcome, -EBADMSG);
            assert_non_null(strstr(error, bytes < 8 ? "not a maptrace trace" : "cut off"));
            continue;
        }
        assert_int_equal(outcome, 0);
        assert_false(trace_complete(trace));
        assert_true(trace->truncated);
        assert_true(trace->array_count <= 2 && trace->open_count <= 1);
        assert_int_equal(trace->bad_entries, 0);
        trace_free(trace);
    }
    builder_free(&builder);
}

/* --- what is no trace ------------------------------------------------------------- */

static void refuses_what_is_no_trace(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace *trace;
    assert_int_equal(trace_read("/nonexistent/trace", NULL, &trace, error, sizeof(error)), -ENOENT);
    assert_int_equal(trace_read(folder, NULL, &trace, error, sizeof(error)), -EBADMSG);
    assert_int_equal(trace_read("/dev/zero", NULL, &trace, error, sizeof(error)), -EBADMSG);
    builder.header->version = 2;
    assert_int_equal(read_bytes(&builder, builder.size, &trace), -EPROTONOSUPPORT);
    assert_non_null(strstr(error, "version 2"));
    builder.header->version = TRACE_VERSION;
    builder.bytes[0] ^= 1;
    assert_int_equal(read_bytes(&builder, builder.size, &trace), -EBADMSG);
    assert_false(trace_has_magic(path));
    builder.bytes[0] ^= 1;
    builder_write(&builder, path, builder.size);
    assert_true(trace_has_magic(path));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(trace_has_magic(path));
    assert_int_equal(trace_read(path, NULL, &trace, error, sizeof(error)), -EBADMSG);
    unlink(path);
    builder_free(&builder);
}

static void refuses_layouts_that_make_no_sense(void **state)
{
    (void)state;
    struct builder good = rich();
    struct trace_header *header = good.header;
    const struct {
        void *field;
        unsigned bits;
        uint64_t value;
    } changes[] = {
        {&header->header_bytes, 32, 16},
        {&header->header_bytes, 32, UINT32_MAX},
        {&header->file_bytes, 64, 0},
        {&header->file_bytes, 64, sizeof(*header)},
        {&header->file_bytes, 64, UINT64_MAX},
        {&header->rules.offset, 64, 0},
        {&header->rules.offset, 64, UINT64_MAX},
        {&header->rules.offset, 64, UINT64_MAX - 63},
        {&header->rules.entry_bytes, 32, 0},
        {&header->rules.entry_bytes, 32, sizeof(struct trace_rule) - 8},
        {&header->rules.capacity, 32, UINT32_MAX},
        {&header->rules_used, 32, 5},
        {&header->modules.entry_bytes, 32, UINT32_MAX},
        {&header->modules.offset, 64, header->arrays.offset},
        {&header->modules_used, 32, UINT32_MAX},
        {&header->stacks.entry_bytes, 32, 16},
        {&header->stacks.capacity, 32, 1u << 31},
        {&header->stack_words_used, 32, 65},
        {&header->arrays.offset, 64, header->file_bytes + 1},
        {&header->arrays.entry_bytes, 32, 4},
        {&header->arrays.capacity, 32, UINT32_MAX},
        {&header->resizes.offset, 64, header->arrays.offset + 8},
        {&header->notable.capacity, 32, 9},
        {&header->recent.entry_bytes, 32, 1},
        {&header->messages.entry_bytes, 32, 2},
        {&header->messages.capacity, 32, UINT32_MAX},
        {&header->message_bytes, 32, 257},
        {&header->command_bytes, 32, TRACE_COMMAND_BYTES + 1},
    };
    struct trace *trace;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        uint64_t kept = 0;
        size_t bytes = changes[i].bits / 8;
        memcpy(&kept, changes[i].field, bytes);
        memcpy(changes[i].field, &changes[i].value, bytes);
        if (read_bytes(&good, good.size, &trace) != -EBADMSG)
            fail_msg("change %zu went through", i);
        assert_non_null(strstr(error, path));
        memcpy(changes[i].field, &kept, bytes);
    }
    trace_free(read_whole(&good));
    builder_free(&good);
}

/* Every 4 bytes of the header, to values that hurt: an answer, and no crash. */
static void survives_any_header(void **state)
{
    (void)state;
    static const uint32_t values[] = {0,          1,          7,          0x7f,      0xffff,
                                      0x7fffffff, 0x80000000, UINT32_MAX, 0x41414141};
    struct builder builder = rich();
    struct trace *trace;
    for (size_t at = 8; at + 4 <= offsetof(struct trace_header, run_traces); at += 4) {
        /* All of a text is like any part of it. */
        if (at > offsetof(struct trace_header, machine) + 8 &&
            at < offsetof(struct trace_header, command_bytes))
            continue;
        if (at > offsetof(struct trace_header, command) + 8 &&
            at < offsetof(struct trace_header, notable_ns))
            continue;
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            uint32_t kept;
            memcpy(&kept, builder.bytes + at, 4);
            memcpy(builder.bytes + at, &values[i], 4);
            if (read_bytes(&builder, builder.size, &trace) == 0)
                trace_free(trace);
            memcpy(builder.bytes + at, &kept, 4);
        }
    }
    builder_free(&builder);
}

static void drops_entries_that_make_no_sense(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace_header *header = builder.header;
    ((struct trace_array *)builder_entry(&builder, &header->arrays, 0))->rule = 2;
    ((struct trace_array *)builder_entry(&builder, &header->arrays, 1))->state = 9;
    ((struct trace_resize *)builder_entry(&builder, &header->resizes, 0))->rule = UINT16_MAX;
    ((struct trace_resize *)builder_entry(&builder, &header->notable, 0))->number = 99;
    ((struct trace_resize *)builder_entry(&builder, &header->recent, 0))->number += 8;
    struct trace *trace = read_whole(&builder);
    assert_int_equal(trace->bad_entries, 5);
    assert_int_equal(trace->array_count + trace->open_count + trace->notable.count, 0);
    assert_int_equal(trace->recent.count, 1);
    assert_false(trace_complete(trace));
    trace_free(trace);
    builder_free(&builder);
}

static void survives_hostile_details(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace_header *header = builder.header;
    struct trace_rule *rule = builder_entry(&builder, &header->rules, 0);
    struct trace_module *module = builder_entry(&builder, &header->modules, 0);
    struct trace_resize *resize = builder_entry(&builder, &header->resizes, 0);
    uint64_t *words = builder_entry(&builder, &header->stacks, 0);
    memset(rule->name, 'x', sizeof(rule->name));
    memset(rule->reason, 'x', sizeof(rule->reason));
    rule->kind = 77;
    memset(module->path, 'x', sizeof(module->path));
    module->build_id_bytes = UINT32_MAX;
    memset(header->command, 'x', sizeof(header->command));
    header->command_bytes = sizeof(header->command);
    resize->confidence = 200;
    struct trace *trace = read_whole(&builder);
    assert_int_equal(strlen(trace->rules[0].name), TRACE_NAME_BYTES - 1);
    assert_int_equal(strlen(trace->rules[0].reason), TRACE_REASON_BYTES - 1);
    assert_int_equal(trace->rules[0].kind, TRACE_IMMEDIATE);
    assert_int_equal(strlen(trace->modules[0].path), TRACE_PATH_BYTES - 1);
    assert_int_equal(trace->modules[0].build_id_bytes, 0);
    assert_int_equal(strlen(trace->header.command), TRACE_COMMAND_BYTES - 1);
    assert_int_equal(trace->open[0].confidence, TRACE_AMBIGUOUS);
    trace_free(trace);

    const uint64_t *frames;
    static const uint64_t lengths[] = {3, 64, 65, 0xffff, UINT64_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        words[1] = lengths[i];
        trace = read_whole(&builder);
        assert_int_equal(trace_stack(trace, 1, &frames), 0);
        assert_int_equal(trace_stack(trace, UINT32_MAX, &frames), 0);
        assert_int_equal(trace_stack(trace, trace->stack_word_count, &frames), 0);
        trace_free(trace);
    }
    builder_free(&builder);
}

/* Entries may grow at their end without a new version. */
static void reads_larger_entries(void **state)
{
    (void)state;
    struct builder builder = rich();
    struct trace_header *header = builder.header;
    /* Take every second entry's place as the growth of the one before. */
    header->arrays.entry_bytes *= 2;
    header->arrays.capacity /= 2;
    header->recent.entry_bytes *= 2;
    header->recent.capacity /= 2;
    header->recent_written = 1;
    struct trace *trace = read_whole(&builder);
    assert_int_equal(trace->array_count, 1);
    assert_int_equal(trace->arrays[0].address, 0x1000);
    assert_int_equal(trace->recent.count, 1);
    assert_int_equal(trace->recent.records[0].table_id, 3);
    trace_free(trace);
    builder_free(&builder);
}

/* What follows a shorter header is no part of it. */
static void reads_the_header_of_an_older_writer(void **state)
{
    (void)state;
    struct builder builder = rich();
    builder.header->header_bytes = TRACE_HEADER_LEAST;
    memset(builder.bytes + TRACE_HEADER_LEAST, 0x41,
           sizeof(struct trace_header) - TRACE_HEADER_LEAST);
    struct trace *trace = read_whole(&builder);
    assert_true(trace_complete(trace));
    assert_int_equal(trace->open_count, 1);
    assert_int_equal(trace->type_count, 0);
    assert_int_equal(trace->header.types.capacity, 0);
    trace_free(trace);
    builder_free(&builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(a_dead_process_is_judged_by_its_last_word),
        cmocka_unit_test(a_running_process_is_judged_by_now),
        cmocka_unit_test(entries_are_never_torn),
        cmocka_unit_test(a_resize_that_ends_meanwhile_is_seen_once),
        cmocka_unit_test(entries_cut_in_the_middle_are_counted),
        cmocka_unit_test(a_record_after_the_last_counted_one),
        cmocka_unit_test(rings_wrap),
        cmocka_unit_test(a_sieve_says_what_is_kept),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(refuses_what_is_no_trace),
        cmocka_unit_test(refuses_layouts_that_make_no_sense),
        cmocka_unit_test(survives_any_header),
        cmocka_unit_test(drops_entries_that_make_no_sense),
        cmocka_unit_test(survives_hostile_details),
        cmocka_unit_test(reads_larger_entries),
        cmocka_unit_test(reads_the_header_of_an_older_writer),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
