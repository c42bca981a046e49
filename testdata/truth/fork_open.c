/*
 * A fork in the middle of an incremental resize.
 *
 *     fork_open WHO MILLISECONDS
 *
 * parent-finishes  the parent finishes at once; the child lives on with its
 *                  copy for MILLISECONDS: nobody's finding
 * child-finishes   the child finishes, at once; the parent never does and lives
 *                  on for MILLISECONDS: stuck in the parent
 * child-late       the parent finishes at once, the child only after
 *                  MILLISECONDS: the resize was the parent's, nothing to find
 * child-own        both finish at once; then the child begins a resize of its
 *                  own, and abandons it for MILLISECONDS: stuck in the child
 */
#include <sys/wait.h>

#include "dict.h"

int main(int count, char **arguments)
{
    static struct dict dict;

    if (count != 3)
        return 2;
    const char *who = arguments[1];
    long milliseconds = atol(arguments[2]);
    bool child_own = strcmp(who, "child-own") == 0;

    dict_grow(&dict);
    for (int round = 0; round < 3; round++) {
        dict_grow(&dict);
        dict_move(&dict, 1 << 20);
    }
    dict_grow(&dict);
    dict_move(&dict, 20);

    pid_t child = fork();
    bool finishes = strcmp(who, "child-finishes") == 0 ? child == 0 : child != 0;
    if (finishes || child_own)
        dict_move(&dict, 1 << 20);
    if (child_own && child == 0) {
        dict_grow(&dict);
        dict_move(&dict, 7);
        truth_finding(dict_truth("stuck", &dict, (long)dict.moved));
    }
    if (!finishes || (child_own && child == 0)) {
        if (child != 0)
            truth_finding(dict_truth("stuck", &dict, (long)dict.moved));
        sleep_milliseconds(milliseconds);
        if (strcmp(who, "child-late") == 0)
            dict_move(&dict, 1 << 20);
    }
    if (child != 0 && waitpid(child, NULL, 0) != child)
        return 1;
    return 0;
}
