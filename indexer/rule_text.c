#include "indexer/rule_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_LIMIT (16 << 20)

/* Every piece of memory that the rules take. */
struct rule_block {
    struct rule_block *next;
    _Alignas(16) char bytes[];
};

static void *take(struct rule_arena *arena, size_t bytes)
{
    struct rule_text *rules = (struct rule_text *)arena;
    struct rule_block *block = calloc(1, sizeof *block + bytes);

    if (!block)
        return NULL;
    block->next = rules->blocks;
    rules->blocks = block;
    return block->bytes;
}

void rule_text_free(struct rule_text *rules)
{
    while (rules->blocks) {
        struct rule_block *next = rules->blocks->next;
        free(rules->blocks);
        rules->blocks = next;
    }
}

static void complain(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "maptrace-index: %s\n", text);
}

/* The text of the file, to be freed; NULL with errno if it cannot be read. */
static char *read_file(const char *path, size_t *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    char *text = NULL;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) == 0) {
        if (!S_ISREG(status.st_mode) || status.st_size > FILE_LIMIT) {
            errno = S_ISREG(status.st_mode) ? EFBIG : EINVAL;
        } else if ((text = malloc((size_t)status.st_size + 1))) {
            ssize_t got = read(fd, text, (size_t)status.st_size);
            *bytes = got > 0 ? (size_t)got : 0;
        }
    }
    close(fd);
    return text;
}

int rule_text_load(struct rule_text *rules, char *const *files, size_t count)
{
    *rules = (struct rule_text){.arena.take = take};
    rules->hash = rules_hash(RULES_HASH_SEED, rules_catalogue, rules_catalogue_bytes);
    if (rules_parse(&rules->set, rules_catalogue, rules_catalogue_bytes, "built-in", false,
                    &rules->arena, complain, NULL) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        size_t bytes = 0;
        char *text = read_file(files[i], &bytes);
        if (!text) {
            fprintf(stderr, "maptrace-index: %s: %s\n", files[i], strerror(errno));
            continue;
        }
        int errors =
            rules_parse(&rules->set, text, bytes, files[i], true, &rules->arena, complain, NULL);
        rules->hash = rules_hash(rules->hash, text, bytes);
        free(text);
        if (errors < 0)
            return -ENOMEM;
    }
    rules->matcher = rules_matcher(&rules->set, &rules->arena);
    return rules->matcher ? 0 : -ENOMEM;
}
