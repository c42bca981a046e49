/*
 * The separate debug file of an ELF file, in the places where debuggers look:
 * by build-id below the debug folders, then by .gnu_debuglink.
 */
#ifndef MAPTRACE_INDEXER_DEBUG_FILE_H
#define MAPTRACE_INDEXER_DEBUG_FILE_H

#include <stdbool.h>

#include "indexer/object.h"

#define DEBUG_FOLDER "/usr/lib/debug"

/*
 * Opens the debug file that belongs to OBJECT, which is PATH, into FOUND. True
 * if there is one; it has the same build-id, or the checksum that the link asks for.
 */
bool debug_file_open(const struct object *object, const char *path, const char *folder,
                     struct object *found);

#endif
