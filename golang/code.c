#include "golang/code.h"

#include <string.h>

bool go_code_read(const struct memory *memory, const struct go_functions *functions,
                  const char *name, struct go_code *code)
{
    if (!go_function_named(functions, name, &code->function))
        return false;
    code->bytes = code->function.end - code->function.entry;
    if (code->bytes > sizeof code->at)
        code->bytes = sizeof code->at;
    return memory_read(memory, code->function.entry, code->at, code->bytes);
}

uint64_t go_code_distance(const unsigned char *at)
{
    int32_t distance;

    memcpy(&distance, at, sizeof distance);
    return (uint64_t)(int64_t)distance;
}
