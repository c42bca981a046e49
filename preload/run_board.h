/*
 * The run board: what the descendants of a run saw, counted in the trace of its
 * first process, because most of them leave no trace of their own.
 */
#ifndef MAPTRACE_PRELOAD_RUN_BOARD_H
#define MAPTRACE_PRELOAD_RUN_BOARD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Adds this process to the trace at ROOT_PATH, if that is the one of ROOT_PID:
 * once when it starts, once more (WITH_TRACE) when it makes a trace of its own.
 */
void run_board_join(const char *root_path, uint32_t root_pid, bool with_trace);

#endif
