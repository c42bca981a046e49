/* What the books of a Go program's maps make of its events, read back from their trace. */
#include "tests/unit/go_books_world.h"

static void test_a_resize_from_its_beginning_to_its_end(void **context)
{
    struct state *state = *context;
    static struct fake fake;

    grow(state, &fake, 3);
    move_buckets(&fake, 8);
    end(state, &fake, GO_EVENT_MOVED);
    struct trace *trace = read_back(state);
    assert_int_equal(trace->open_count, 0);
    assert_int_equal(trace->notable.count + trace->recent.count, 1);
    const struct trace_resize *resize =
        trace->notable.count ? trace->notable.records : trace->recent.records;
    assert_int_equal(resize->confidence, TRACE_EXACT);
    assert_int_equal(resize->old_bytes, 8 * BUCKET);
    assert_int_equal(resize->new_bytes, 17 * BUCKET);
    assert_int_equal(resize->new_address, address(fake.new));
    assert_int_equal(resize->released_ns - resize->replaced_ns, MS);
    assert_int_equal(resize->moved, 8);
    assert_int_equal(resize->of, 8);
    assert_string_equal(trace_type(trace, resize->type)->name, "map[int]int");
    assert_int_equal(trace->array_count, 1);
    assert_int_equal(trace->arrays[0].bytes, 17 * BUCKET);
    assert_int_equal(trace->header.live_array_bytes, 17 * BUCKET);
    assert_int_equal(trace->header.peak_array_bytes, 25 * BUCKET);
    assert_int_equal(trace->header.peak_old_bytes, 8 * BUCKET);
    assert_int_equal(trace->header.old_array_bytes, 0);
    trace_free(trace);
}

static void test_a_stuck_map(void **context)
{
    struct state *state = *context;
    static struct fake fake;

    grow(state, &fake, 4);
    move_buckets(&fake, 3);
    look(state, 10 * MS);
    look(state, 900 * (uint64_t)MS);
    struct trace *trace = read_back(state);
    assert_int_equal(trace->open_count, 1);
    assert_int_equal(trace->open[0].moved, 3);
    assert_int_equal(trace->open[0].of, 16);
    assert_int_equal(trace->open[0].new_address, address(fake.new));
    assert_int_equal(trace->open[0].longest_stall_ns, 900 * (uint64_t)MS);
    assert_int_equal(trace->open[0].sampled_ns - trace->open[0].progress_ns, 900 * (uint64_t)MS);
    /* Old and new array are live, and known to be one table's. */
    assert_int_equal(trace->array_count, 2);
    assert_int_equal(trace->arrays[0].table_id, trace->arrays[1].table_id);
    trace_free(trace);
}

static void test_only_collections_make_sure_that_a_map_is_in_use(void **context)
{
    struct state *state = *context;
    static struct fake fake;

    grow(state, &fake, 4);
    move_buckets(&fake, 3);
    state->books.cycles = 5;
    look(state, 300 * (uint64_t)MS);
    /* It rests since then, at the latest. The first may have begun before, the second is not done
     * with what it frees before the third begins. */
    state->books.cycles = 9;
    look(state, 300 * (uint64_t)MS);
    for (state->books.cycles = 10; state->books.cycles < 12; state->books.cycles++) {
        look(state, 300 * (uint64_t)MS);
        assert_int_equal(state->books.opens[0].record.confidence, TRACE_INFERRED);
        assert_true(state->books.opens[0].record.flags & TRACE_RESIZE_UNVERIFIED);
    }
    look(state, 300 * (uint64_t)MS);
    assert_int_equal(state->books.opens[0].record.confidence, TRACE_EXACT);
    assert_false(state->books.opens[0].record.flags & TRACE_RESIZE_UNVERIFIED);
}

static void free_old(struct fake *fake)
{
    static const unsigned char freed[] = {0xef, 0xbe, 0xad, 0xde};

    for (size_t i = 0; i < sizeof fake->old; i++)
        fake->old[i] = freed[i % 4];
}

static void test_a_collected_map_is_no_finding(void **context)
{
    struct state *state = *context;
    static struct fake fake;

    grow(state, &fake, 4);
    move_buckets(&fake, 2);
    look(state, 10 * MS);
    free_old(&fake);
    look(state, 300 * (uint64_t)MS);
    look(state, 10 * MS);
    struct trace *trace = read_back(state);
    assert_int_equal(trace->open_count + trace->notable.count + trace->recent.count, 0);
    assert_int_equal(trace->array_count, 0);
    assert_int_equal(trace->header.collected, 1);
    assert_int_equal(trace->header.live_array_bytes, 0);
    trace_free(trace);
}

/* The program goes on while it is looked at: memory can be ahead of the events. */
static void test_freed_by_a_resize_whose_end_comes_later(void **context)
{
    struct state *state = *context;
    static struct fake fake;

    grow(state, &fake, 4);
    move_buckets(&fake, 16);
    free_old(&fake);
    look(state, 10 * MS);
    end(state, &fake, GO_EVENT_MOVED);
    struct trace *trace = read_back(state);
    assert_int_equal(trace->header.collected, 0);
    assert_int_equal(trace->header.orphans, 0);
    assert_int_equal(trace->notable.count + trace->recent.count, 1);
    assert_int_equal(trace->array_count, 1);
    trace_free(trace);
}

/* Where nothing tells that it was freed, the header and most of the arrays may be left. */
static void test_dead_map_of_which_a_part_was_used_again(void **context)
{
    struct state *state = *context;
    static struct fake fake;

    state->books.liveness = false;
    grow(state, &fake, 4);
    move_buckets(&fake, 12);
    look(state, 10 * MS);
    for (int i = 0; i < 4; i++)
        look(state, 300 * (uint64_t)MS);
    assert_int_equal(state->trace.writer->header->collected, 0);
    memset(fake.old + 7 * BUCKET, 0x90, 16);
    for (int i = 0; i < 4; i++)
        look(state, 300 * (uint64_t)MS);
    struct trace *trace = read_back(state);
    assert_int_equal(trace->header.collected, 1);
    assert_int_equal(trace->open_count, 0);
    trace_free(trace);
}

/* Memory that was freed and used again at once never showed that it was free. */
static void test_reused_memory_is_no_map(void **context)
{
    struct state *state = *context;
    static struct fake fake;

    grow(state, &fake, 4);
    move_buckets(&fake, 2);
    look(state, 10 * MS);
    memset(&fake, 0, sizeof fake);
    for (int i = 0; i < 4; i++)
        look(state, 300 * (uint64_t)MS);
    struct trace *trace = read_back(state);
    assert_int_equal(trace->open_count, 0);
    assert_int_equal(trace->header.collected, 1);
    trace_free(trace);
}

/* A machine with too much to do: nobody looked before the map was dropped, and then once. */
static void test_reused_memory_at_the_only_look(void **context)
{
    struct state *state = *context;
    static struct fake fake;

    grow(state, &fake, 4);
    memset(&fake, 0, sizeof fake);
    go_look(&state->books, &state->memory, go_trace_time(&state->trace, state->ns += 300), true);
    struct trace *trace = read_back(state);
    assert_int_equal(trace->open_count, 0);
    assert_int_equal(trace->header.collected, 1);
    trace_free(trace);
}

static void test_what_nobody_saw_in_the_end_is_no_finding(void **context)
{
    struct state *state = *context;
    static struct fake fake;
    const struct judge_limits limits = {.stall_ns = 100 * (uint64_t)MS};

    grow(state, &fake, 4);
    move_buckets(&fake, 3);
    look(state, 10 * MS);
    look(state, 900 * (uint64_t)MS);
    go_books_unseen(&state->books, go_trace_time(&state->trace, state->ns));
    struct trace *trace = read_back(state);
    assert_int_equal(judge_resize(trace, &trace->open[0], &limits).kind, JUDGE_STUCK);
    assert_int_equal(judge_losses(trace, &limits), 0);
    trace_free(trace);
    go_books_unseen(&state->books, go_trace_time(&state->trace, state->ns += MS));
    trace = read_back(state);
    assert_int_equal(judge_resize(trace, &trace->open[0], &limits).kind, JUDGE_UNDECIDED);
    assert_int_equal(judge_losses(trace, &limits), JUDGE_UNSEEN);
    trace_free(trace);
}

static void test_a_header_that_moved_with_its_stack(void **context)
{
    struct state *state = *context;
    static struct fake before, after;

    grow(state, &before, 4);
    move_buckets(&before, 2);
    look(state, 10 * MS);
    struct fake there = before;
    memset(&before.hmap, 0x11, sizeof before.hmap);
    for (int i = 0; i < 4; i++)
        look(state, 300 * (uint64_t)MS);
    assert_true(state->books.opens[0].record.flags & TRACE_RESIZE_UNREADABLE);
    /* Its end names the old array, wherever the header is. */
    after.hmap = there.hmap;
    struct go_event event = {.kind = GO_EVENT_MOVED,
                             .hmap = address(&after.hmap),
                             .log2 = 5,
                             .buckets = address(before.new),
                             .oldbuckets = address(before.old)};
    go_books_event(&state->books, &event, state->ns += MS);
    struct trace *trace = read_back(state);
    assert_int_equal(trace->open_count, 0);
    assert_int_equal(trace->notable.count, 1);
    assert_int_equal(trace->notable.records[0].table, address(&after.hmap));
    trace_free(trace);
}

static void test_clearing_ends_a_resize(void **context)
{
    struct state *state = *context;
    static struct fake fake;

    grow(state, &fake, 4);
    move_buckets(&fake, 2);
    end(state, &fake, GO_EVENT_CLEARED);
    struct trace *trace = read_back(state);
    assert_int_equal(trace->open_count, 0);
    assert_int_equal(trace->notable.count + trace->recent.count, 1);
    trace_free(trace);
}

static void test_growth_into_the_same_size(void **context)
{
    struct state *state = *context;
    static struct fake fake;

    grow(state, &fake, 4);
    fake.hmap.flags = GO_SAME_SIZE;
    fake.hmap.log2_buckets = 4;
    look(state, 10 * MS);
    assert_true(state->books.opens[0].record.flags & TRACE_RESIZE_SAME_SIZE);
    assert_int_equal(state->books.opens[0].record.new_bytes,
                     state->books.opens[0].record.old_bytes);
}

static void test_a_ladder(void **context)
{
    struct state *state = *context;
    static unsigned char arrays[6][BUCKET * 40];
    static struct go_hmap hmap;

    for (unsigned log2 = 0; log2 < 5; log2++) {
        struct go_event event = {.kind = GO_EVENT_GROW,
                                 .frames = 2,
                                 .goroutine = 0x100,
                                 .hmap = address(&hmap),
                                 .maptype = TYPE,
                                 .count = log2 ? (13u << log2) / 2 : 8,
                                 .log2 = (uint8_t)log2,
                                 .buckets = address(arrays[log2]),
                                 .pc = {0x2000, 0x3000}};
        go_books_event(&state->books, &event, state->ns += MS);
        event.kind = GO_EVENT_MOVED;
        event.log2++;
        event.oldbuckets = event.buckets;
        event.buckets = address(arrays[log2 + 1]);
        go_books_event(&state->books, &event, state->ns += MS);
    }
    struct trace *trace = read_back(state);
    assert_int_equal(trace->header.tables, 1);
    assert_int_equal(trace->header.orphans, 0);
    assert_int_equal(trace->array_count, 1);
    assert_int_equal(trace->arrays[0].table_resizes, 5);
    assert_int_equal(trace->arrays[0].replaced_bytes, (1 + 2 + 4 + 8 + 17) * BUCKET);
    assert_int_equal(trace->site_count, 1);
    assert_int_equal(trace->sites[0].tables, 1);
    assert_int_equal(trace->sites[0].resizes, 5);
    assert_int_equal(trace->sites[0].most_resizes, 5);
    assert_int_equal(trace->sites[0].replaced_bytes, (1 + 2 + 4 + 8 + 17) * BUCKET);
    trace_free(trace);
}

/* A header on a stack, or in memory that was used again: nobody has looked since. */
static void test_two_maps_at_one_address(void **context)
{
    struct state *state = *context;
    static struct fake first, second;
    struct go_event event;

    grow(state, &first, 3);
    move_buckets(&first, 8);
    end(state, &first, GO_EVENT_MOVED);
    event = (struct go_event){.kind = GO_EVENT_GROW,
                              .frames = 2,
                              .goroutine = 0x200,
                              .hmap = address(&first.hmap),
                              .maptype = TYPE,
                              .count = 26,
                              .log2 = 2,
                              .buckets = address(second.old),
                              .pc = {0x2000, 0x3000}};
    go_books_event(&state->books, &event, state->ns += MS);
    event.kind = GO_EVENT_MOVED;
    event.log2 = 3;
    event.oldbuckets = event.buckets;
    event.buckets = address(second.new);
    go_books_event(&state->books, &event, state->ns += MS);
    first.hmap = (struct go_hmap){.count = 1, .log2_buckets = 3, .buckets = event.buckets};
    go_look(&state->books, &state->memory, go_trace_time(&state->trace, state->ns += MS), true);
    struct trace *trace = read_back(state);
    assert_int_equal(trace->array_count, 1);
    assert_int_equal(trace->arrays[0].address, address(second.new));
    trace_free(trace);
}

static void test_an_end_without_a_beginning(void **context)
{
    struct state *state = *context;
    static struct fake fake;

    end(state, &fake, GO_EVENT_MOVED);
    struct trace *trace = read_back(state);
    assert_int_equal(trace->header.orphans, 1);
    assert_int_equal(trace->header.resizes_seen, 0);
    trace_free(trace);
}

/* More maps than there is room for: the oldest are forgotten, nothing is lost. */
static void test_many_maps(void **context)
{
    struct state *state = *context;
    struct go_event event = {
        .kind = GO_EVENT_GROW, .goroutine = 0x100, .maptype = TYPE, .count = 8};
    unsigned count = 3 * state->books.map_room;

    for (unsigned i = 0; i < count; i++) {
        event.kind = GO_EVENT_GROW;
        event.hmap = 0x10000000 + i * 64ull;
        event.log2 = 0;
        event.buckets = 0x20000000 + i * 1024ull;
        event.oldbuckets = 0;
        go_books_event(&state->books, &event, state->ns += 1000);
        event.kind = GO_EVENT_MOVED;
        event.log2 = 1;
        event.oldbuckets = event.buckets;
        event.buckets += 512;
        go_books_event(&state->books, &event, state->ns += 1000);
    }
    struct trace *trace = read_back(state);
    assert_int_equal(trace->header.resizes_seen, count);
    assert_int_equal(trace->header.lost_arrays, 0);
    assert_int_equal(trace->header.orphans, 0);
    assert_int_equal(trace->open_count, 0);
    assert_int_equal(trace->array_count, state->books.map_room);
    assert_int_equal(trace->header.live_array_bytes, state->books.map_room * 2ull * BUCKET);
    trace_free(trace);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_resize_from_its_beginning_to_its_end),
        TEST(test_a_stuck_map),
        TEST(test_only_collections_make_sure_that_a_map_is_in_use),
        TEST(test_a_collected_map_is_no_finding),
        TEST(test_freed_by_a_resize_whose_end_comes_later),
        TEST(test_dead_map_of_which_a_part_was_used_again),
        TEST(test_reused_memory_is_no_map),
        TEST(test_reused_memory_at_the_only_look),
        TEST(test_what_nobody_saw_in_the_end_is_no_finding),
        TEST(test_a_header_that_moved_with_its_stack),
        TEST(test_clearing_ends_a_resize),
        TEST(test_growth_into_the_same_size),
        TEST(test_a_ladder),
        TEST(test_two_maps_at_one_address),
        TEST(test_an_end_without_a_beginning),
        TEST(test_many_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
