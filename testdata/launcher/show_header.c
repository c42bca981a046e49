/* Prints what stands in the header of a trace: PID ROOT END STATUS END_NS */
#include <inttypes.h>
#include <stdio.h>

#include "../../trace/format.h"

int main(int argc, char **argv)
{
    struct trace_header header;
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;

    if (!file || fread(&header, sizeof header, 1, file) != 1)
        return 1;
    printf("%" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 "\n", header.pid,
           header.root_pid, header.end, header.end_status, header.end_ns);
    return 0;
}
