/*
 * What the headers of a loaded file say, and which file that is. They are read where they are
 * mapped, with the lock held.
 */
#ifndef MAPTRACE_HEADERS_H
#define MAPTRACE_HEADERS_H

#include "modules.h"

/* The program itself, which the loader gives no name. */
bool headers_main_program(const struct module *module);

/* Fills in the path of MODULE, by which it is known. */
void headers_set_path(struct module *module);

/* The name by which its file is to be opened. */
const char *headers_file(const struct module *module);

/* Fills in the build-id, code and data of MODULE; what is not known stays zero. */
void headers_read(struct module *module);

#endif
