#include "launcher/untraced.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/elf_check.h"

#define LIBRARY "/libmaptrace.so"

/* 1 or 0; -errno if it cannot be told. */
static int has_library(pid_t pid)
{
    char path[64], *line = NULL;
    size_t room = 0, lines = 0;
    int answer = 0;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    if (!maps)
        return -errno;
    for (; !answer && getline(&line, &room, maps) > 0; lines++)
        answer = strstr(line, LIBRARY) != NULL;
    free(line);
    fclose(maps);
    return lines ? answer : -ESRCH; /* a zombie has no memory */
}

const char *untraced_reason(pid_t pid)
{
    char program[64];

    snprintf(program, sizeof program, "/proc/%d/exe", (int)pid);
    struct elf_verdict verdict = elf_check(program);
    if (verdict.go || has_library(pid) != 0)
        return NULL;
    return verdict.obstacle ? verdict.obstacle : "it was started without LD_PRELOAD";
}

int program_set_add(struct program_set *set, dev_t device, ino_t file)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i].device == device && set->items[i].file == file)
            return 0;
    struct program_id *items = reallocarray(set->items, set->count + 1, sizeof *items);
    if (!items)
        return -ENOMEM;
    set->items = items;
    items[set->count++] = (struct program_id){device, file};
    return 1;
}

void program_set_free(struct program_set *set)
{
    free(set->items);
    *set = (struct program_set){0};
}
