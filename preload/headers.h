/*
 * What the headers of a loaded file say. They are read where they are mapped, with
 * the lock held.
 */
#ifndef MAPTRACE_HEADERS_H
#define MAPTRACE_HEADERS_H

#include "modules.h"

/* The program itself, which the loader gives no name. */
bool headers_main_program(const struct module *module);

/* Fills in the build-id, code and data of MODULE; what is not known stays zero. */
void headers_read(struct module *module);

#endif
