/* GODEBUG, as Go's runtime reads it. */
#ifndef MAPTRACE_GOLANG_SETTINGS_H
#define MAPTRACE_GOLANG_SETTINGS_H

#include <stdbool.h>

#define GO_SETTINGS "GODEBUG"
#define GO_CLOBBERFREE "clobberfree="

/* True if VALUE, which may be NULL, switches clobberfree on. */
bool go_settings_clobbers(const char *value);

#endif
