/*
 * The program of `make demo`: a table of sessions that grows as redis' does. An
 * expansion allocates a bigger bucket array, and each login then moves one
 * bucket; when all have moved, the old array is freed. When the logins stop
 * half-way, both arrays stay.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct session {
    struct session *next;
    unsigned long user;
};

struct table {
    unsigned long sessions;
    struct session **old; /* NULL: no expansion is under way */
    struct session **buckets;
    long moved; /* buckets of old that are done; -1: none is under way */
    unsigned char old_exponent, exponent;
};

static struct session **bucket_of(struct table *table, unsigned long user)
{
    return &table->buckets[user * 0x9e3779b97f4a7c15u >> (64 - table->exponent)];
}

__attribute__((noinline)) static void session_table_expand(struct table *table)
{
    struct session **bigger = calloc(2ul << table->exponent, sizeof *bigger);

    if (!bigger)
        abort();
    table->old = table->buckets;
    table->old_exponent = table->exponent++;
    table->buckets = bigger;
    table->moved = 0;
}

__attribute__((noinline)) static void session_table_step(struct table *table)
{
    for (struct session *next, *session = table->old[table->moved]; session; session = next) {
        struct session **bucket = bucket_of(table, session->user);
        next = session->next;
        session->next = *bucket;
        *bucket = session;
    }
    if (++table->moved == 1l << table->old_exponent) {
        free(table->old);
        table->old = NULL;
        table->moved = -1;
    }
}

static void log_in(struct table *table, unsigned long user)
{
    struct session *session = malloc(sizeof *session);

    if (!session)
        abort();
    if (table->old)
        session_table_step(table);
    if (!table->old && table->sessions >= 1ul << table->exponent)
        session_table_expand(table);
    struct session **bucket = bucket_of(table, user);
    *session = (struct session){.next = *bucket, .user = user};
    *bucket = session;
    table->sessions++;
}

static void serve(struct table *table, unsigned long users)
{
    for (unsigned long user = 0; user < users; user++)
        log_in(table, user);
}

static struct table table = {.exponent = 4, .moved = -1};

int main(void)
{
    table.buckets = calloc(16, sizeof *table.buckets);
    if (!table.buckets)
        return 1;
    serve(&table, 66000);
    printf("%lu sessions; now nobody logs in for two seconds\n", table.sessions);
    sleep(2);
    return 0;
}
