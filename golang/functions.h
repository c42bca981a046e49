/*
 * The functions of a Go program, from its table of functions: where each begins,
 * where it ends and how it is called. Of the first module: not of plugins.
 */
#ifndef MAPTRACE_GOLANG_FUNCTIONS_H
#define MAPTRACE_GOLANG_FUNCTIONS_H

#include "golang/program.h"

struct go_functions {
    uint64_t text; /* what entries count from; 0 in Go 1.16 and 1.17 */
    unsigned entry_bytes;
    size_t count;
    const char *entries; /* a pair each: where it begins, where its description stands in infos */
    const char *names;
    const char *infos;
    size_t names_bytes, infos_bytes;
    uint64_t infos_address;
    struct memory_loan loans[3]; /* of the three */
};

struct go_function {
    uint64_t entry, end; /* up to where the next one begins: with padding */
    const char *name;    /* as runtime.hashGrow; lives as long as the go_functions */
    uint64_t info;       /* address of its description (runtime._func) */
};

/* 0 or -errno: -ENOENT if the table is not as it should be. MEMORY must outlive FUNCTIONS. */
int go_functions_read(const struct memory *memory, const struct go_program *program,
                      struct go_functions *functions);
void go_functions_free(struct go_functions *functions);

/* The one with this INDEX below count, by address. False where its row makes no sense. */
bool go_function_number(const struct go_functions *functions, size_t index,
                        struct go_function *function);
/* False if none has this name, or if two have. */
bool go_function_named(const struct go_functions *functions, const char *name,
                       struct go_function *function);
/* The function that the instruction at PC belongs to. */
bool go_function_at(const struct go_functions *functions, uint64_t pc,
                    struct go_function *function);

#endif
