/*
 * Rust names with identifiers beyond ASCII. libiberty calls malloc to decode
 * them, and for nothing else, so they are left as they are.
 */
#ifndef MAPTRACE_RULES_PUNYCODE_H
#define MAPTRACE_RULES_PUNYCODE_H

#include <stdbool.h>

/*
 * False if the name, which begins with _R, surely holds no such identifier;
 * true also for a name that is not understood. Bounded stack, linear time.
 */
bool punycode_possible(const char *mangled);

#endif
