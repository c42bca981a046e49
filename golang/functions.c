#define _GNU_SOURCE
#include "golang/functions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Words of moduledata, and what is too much for any of its tables. */
enum { NAMES = 1, INFOS = 13, ENTRIES = 16, TEXT = 22, BYTES_MOST = 1 << 30 };

static uint64_t number(const char *at, unsigned bytes)
{
    uint64_t value = 0;

    memcpy(&value, at, bytes);
    return value;
}

/* The slice of Go's at word WORD, of ITEMs; false if it is not there. */
static bool borrow_slice(const struct memory *memory, const struct go_program *program,
                         unsigned word, size_t item, struct memory_loan *loan, size_t *count)
{
    *count = program->module[word + 1];
    return *count && *count <= BYTES_MOST / item &&
           memory_borrow(memory, program->module[word], *count * item, loan);
}

int go_functions_read(const struct memory *memory, const struct go_program *program,
                      struct go_functions *functions)
{
    bool absolute = program->magic == 0xfffffffa;
    struct memory_loan *loans = functions->loans;
    size_t rows;

    *functions = (struct go_functions){
        .text = absolute ? 0 : program->module[TEXT],
        .entry_bytes = absolute ? 8 : 4,
        .infos_address = program->module[INFOS],
    };
    if (!borrow_slice(memory, program, NAMES, 1, &loans[0], &functions->names_bytes) ||
        !borrow_slice(memory, program, INFOS, 1, &loans[1], &functions->infos_bytes) ||
        !borrow_slice(memory, program, ENTRIES, 2 * (size_t)functions->entry_bytes, &loans[2],
                      &rows) ||
        rows < 2 || ((const char *)loans[0].bytes)[functions->names_bytes - 1] != 0) {
        go_functions_free(functions);
        return -ENOENT;
    }
    functions->names = loans[0].bytes;
    functions->infos = loans[1].bytes;
    functions->entries = loans[2].bytes;
    functions->count = rows - 1; /* the last one only says where the text ends */
    return 0;
}

void go_functions_free(struct go_functions *functions)
{
    for (size_t i = 0; i < sizeof functions->loans / sizeof *functions->loans; i++)
        memory_give_back(&functions->loans[i]);
    *functions = (struct go_functions){0};
}

static uint64_t entry_of(const struct go_functions *functions, size_t index)
{
    const char *at = functions->entries + index * 2 * functions->entry_bytes;

    return functions->text + number(at, functions->entry_bytes);
}

/* Where the description begins, with room for the place of its name; SIZE_MAX: nowhere. */
static size_t info_of(const struct go_functions *functions, size_t index)
{
    const char *at = functions->entries + (index * 2 + 1) * functions->entry_bytes;
    uint64_t info = number(at, functions->entry_bytes);

    return info < functions->infos_bytes &&
                   functions->infos_bytes - info >= functions->entry_bytes + 4
               ? info
               : SIZE_MAX;
}

static size_t name_of(const struct go_functions *functions, size_t index)
{
    size_t info = info_of(functions, index);
    size_t name =
        info == SIZE_MAX ? SIZE_MAX : number(functions->infos + info + functions->entry_bytes, 4);

    return name < functions->names_bytes ? name : SIZE_MAX;
}

bool go_function_number(const struct go_functions *functions, size_t index,
                        struct go_function *function)
{
    size_t name = name_of(functions, index);

    if (name == SIZE_MAX)
        return false;
    *function = (struct go_function){
        .entry = entry_of(functions, index),
        .end = entry_of(functions, index + 1),
        .name = functions->names + name,
        .info = functions->infos_address + info_of(functions, index),
    };
    return function->entry < function->end;
}

/* Where the text NAME stands among the names; SIZE_MAX: nowhere. */
static size_t find_name(const struct go_functions *functions, const char *name)
{
    size_t bytes = strlen(name) + 1; /* names end with a zero */
    const char *from = functions->names, *end = functions->names + functions->names_bytes, *at;

    while ((at = memmem(from, (size_t)(end - from), name, bytes))) {
        if (at == functions->names || at[-1] == 0)
            return (size_t)(at - functions->names);
        from = at + 1;
    }
    return SIZE_MAX;
}

bool go_function_named(const struct go_functions *functions, const char *name,
                       struct go_function *function)
{
    size_t wanted = find_name(functions, name), found = SIZE_MAX;

    if (wanted == SIZE_MAX)
        return false;
    for (size_t i = 0; i < functions->count; i++) {
        if (name_of(functions, i) != wanted)
            continue;
        if (found != SIZE_MAX)
            return false;
        found = i;
    }
    return found != SIZE_MAX && go_function_number(functions, found, function);
}

bool go_function_at(const struct go_functions *functions, uint64_t pc, struct go_function *function)
{
    size_t low = 0, high = functions->count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (entry_of(functions, middle) <= pc)
            low = middle;
        else
            high = middle;
    }
    return go_function_number(functions, low, function) && pc >= function->entry &&
           pc < function->end;
}
