/*
 * Which function and line an instruction of a Go program belongs to, inlined
 * calls told apart: from its table of functions, which a stripped program has,
 * too. Go 1.16 to 1.25.
 */
#ifndef MAPTRACE_GOLANG_LINES_H
#define MAPTRACE_GOLANG_LINES_H

#include "golang/functions.h"

struct go_table {
    unsigned char *bytes;
    size_t count;
};

struct go_lines {
    const struct memory *memory;
    struct go_functions functions;
    struct go_table units, files, values; /* cutab, filetab and pctab of runtime.moduledata */
    bool absolute;                        /* up to Go 1.17: addresses instead of offsets */
    bool named_inlines;                   /* since Go 1.20: runtime.inlinedCall is another */
    uint64_t tree_base;                   /* what offsets of inline trees count from */
};

/* MEMORY must outlive the result. 0 or -errno. */
int go_lines_read(const struct memory *memory, const struct go_program *program,
                  struct go_lines *lines);
void go_lines_free(struct go_lines *lines);

/* Texts live as long as the go_lines. FILE may be NULL, LINE 0: not known. */
typedef void go_line_found(void *context, const char *function, const char *file, unsigned line,
                           bool inlined);

/*
 * Calls FOUND for the functions at PC: inlined ones innermost first, last the one that holds
 * them all. False, and nobody called, if PC is in no function of this program.
 */
bool go_lines_at(const struct go_lines *lines, uint64_t pc, go_line_found *found, void *context);

#endif
