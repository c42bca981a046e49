/*
 * The hooks on container libraries' own functions announce the allocation that
 * follows to watch.c.
 */
#ifndef MAPTRACE_PRELOAD_CONTAINERS_H
#define MAPTRACE_PRELOAD_CONTAINERS_H

#include "../rules/rule.h"

/* Finds the rule of each hook. Called once, before the tracer is on. */
void containers_start(const struct rule_set *rules);

#endif
