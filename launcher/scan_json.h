/* What `maptrace scan` found, for programs: schema maptrace-scan/1. Keys may be added. */
#ifndef MAPTRACE_LAUNCHER_SCAN_JSON_H
#define MAPTRACE_LAUNCHER_SCAN_JSON_H

#include <stdio.h>
#include <sys/types.h>

#include "golang/open_maps.h"

struct scan {
    pid_t pid;
    const char *path; /* of the program */
    struct go_program program;
    struct go_types types;
    struct go_open_maps maps;
};

void scan_json(FILE *out, const struct scan *scan);

#endif
