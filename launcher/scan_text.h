/* What `maptrace scan` found, for people. */
#ifndef MAPTRACE_LAUNCHER_SCAN_TEXT_H
#define MAPTRACE_LAUNCHER_SCAN_TEXT_H

#include <stdio.h>

#include "launcher/scan_json.h"

void scan_text(FILE *out, const struct scan *scan);

#endif
