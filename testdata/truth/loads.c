/*
 * Loads libraries while it runs, and grows tables of its own in between.
 *
 *     loads MODE TURNS LIBRARY...
 *
 * MODE: kept (each stays loaded), dropped (each is unloaded again), threads (a
 * second thread loads and unloads while the first allocates). A library with
 * plugin_run() (plugin.c) grows tables: with first- before the mode at once
 * after the load, else after many other allocations. Prints how many arrays the
 * program itself has made.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

#include "truth.h"

enum { TABLES = 3, ROUNDS = 4, BLOCKS = 2000 };

struct table {
    size_t capacity;
    void **buckets;
};

static char **libraries;
static int library_count, turns;
static bool at_once, kept;
static atomic_bool loaded_all;

NOINLINE static void loads_grow(struct table *table)
{
    void **old = table->buckets;

    table->capacity = table->capacity ? 2 * table->capacity : 32;
    table->buckets = calloc(table->capacity, sizeof *table->buckets);
    free(old);
}

NOINLINE static int allocate(unsigned depth)
{
    volatile char room[64];

    room[0] = (char)depth;
    if (depth)
        return allocate(depth - 1) + room[0];
    for (unsigned i = 0; i < BLOCKS; i++) {
        void *block = malloc(16 + i % 64);
        USE(block);
        free(block);
    }
    return 0;
}

static long grow_own(void)
{
    struct table table = {0};

    for (int round = 0; round < ROUNDS; round++)
        loads_grow(&table);
    free(table.buckets);
    return ROUNDS;
}

static void load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void (*run)(int, int, bool);

    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    void *symbol = dlsym(library, "plugin_run");
    memcpy(&run, &symbol, sizeof run);
    if (!at_once)
        allocate(3);
    if (run)
        run(TABLES, ROUNDS, false);
    allocate(5);
    if (run)
        run(TABLES, ROUNDS, false);
    if (!kept)
        dlclose(library);
}

static void *load_all(void *unused)
{
    for (int turn = 0; turn < turns; turn++)
        for (int i = 0; i < library_count; i++)
            load(libraries[i]);
    loaded_all = true;
    return unused;
}

int main(int count, char **arguments)
{
    long arrays = 0;
    pthread_t thread;

    if (count < 4)
        return 2;
    const char *mode = arguments[1];
    at_once = strncmp(mode, "first-", 6) == 0;
    mode += at_once ? 6 : 0;
    kept = strcmp(mode, "kept") == 0;
    turns = atoi(arguments[2]);
    libraries = arguments + 3;
    library_count = count - 3;

    allocate(1);
    arrays += grow_own();
    if (strcmp(mode, "threads") == 0) {
        if (pthread_create(&thread, NULL, load_all, NULL))
            return 2;
        while (!loaded_all) {
            allocate(4);
            arrays += grow_own();
        }
        pthread_join(thread, NULL);
    } else {
        for (int turn = 0; turn < turns; turn++)
            for (int i = 0; i < library_count; i++) {
                load(libraries[i]);
                arrays += grow_own();
            }
        loaded_all = true;
    }
    allocate(2);
    arrays += grow_own();
    printf("%ld\n", arrays);
    return 0;
}
