/* The machine code of one function of a Go program. */
#ifndef MAPTRACE_GOLANG_CODE_H
#define MAPTRACE_GOLANG_CODE_H

#include "golang/functions.h"

enum { GO_CODE_MOST = 4096 };

struct go_code {
    struct go_function function;
    size_t bytes; /* what is beyond the most is left out */
    unsigned char at[GO_CODE_MOST];
};

bool go_code_read(const struct memory *memory, const struct go_functions *functions,
                  const char *name, struct go_code *code);

/* The four bytes AT, a signed distance, to be added to an address. */
uint64_t go_code_distance(const unsigned char *at);

#endif
