/*
 * Runs FUNCTION(CONTEXT) on a stack of the tracer's own, for work that needs
 * more room than a program's thread may have (16 KiB is legal). Caller holds
 * the tracer's lock: there is one such stack.
 */
#ifndef MAPTRACE_PRELOAD_BIG_STACK_H
#define MAPTRACE_PRELOAD_BIG_STACK_H

void big_stack_call(void (*function)(void *), void *context);

#endif
