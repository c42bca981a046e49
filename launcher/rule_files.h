/* The rule files a user names: read here as well, so that an error is said at once. */
#ifndef MAPTRACE_LAUNCHER_RULE_FILES_H
#define MAPTRACE_LAUNCHER_RULE_FILES_H

/*
 * Reads the rule file PATH and complains about each error in it, with file and
 * line. Returns the number of errors, or -errno when it cannot be read.
 */
int rule_file_check(const char *path);

#endif
