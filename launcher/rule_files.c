#include "launcher/rule_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "launcher/complain.h"
#include "rules/rule.h"

/* Blocks in a chain, so that all can be freed at the end. */
struct heap_arena {
    struct rule_arena arena; /* first: the parser hands it back */
    struct block {
        struct block *next;
        _Alignas(16) char memory[];
    } * blocks;
};

static void *heap_take(struct rule_arena *arena, size_t bytes)
{
    struct heap_arena *heap = (struct heap_arena *)arena;
    struct block *block = calloc(1, sizeof *block + bytes);

    if (!block)
        return NULL;
    block->next = heap->blocks;
    heap->blocks = block;
    return block->memory;
}

static void heap_free(struct heap_arena *heap)
{
    for (struct block *next, *block = heap->blocks; block; block = next) {
        next = block->next;
        free(block);
    }
}

/*
 * The whole of a file, to be freed; NULL and errno. Only a regular file will
 * do: the traced processes read it again.
 */
static char *read_whole(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "re");
    struct stat status;
    char *text = NULL;

    if (!file)
        return NULL;
    if (fstat(fileno(file), &status) == 0) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        if (S_ISREG(status.st_mode) && (text = malloc((size_t)status.st_size + 1)))
            *bytes = fread(text, 1, (size_t)status.st_size, file);
    }
    fclose(file);
    return text;
}

static void say(void *context, const char *text)
{
    (void)context;
    complain("%s", text);
}

int rule_file_check(const char *path)
{
    struct heap_arena heap = {.arena.take = heap_take};
    struct rule_set set = {0};
    size_t bytes;
    char *text = read_whole(path, &bytes);
    int errors;

    if (!text)
        return -errno;
    errors = rules_parse(&set, text, bytes, path, true, &heap.arena, say, NULL);
    heap_free(&heap);
    free(text);
    return errors;
}
