/*
 * What a birth is supposed to replace until its grow is settled, so that a
 * program that is killed in the middle leaves a trace that says what was going
 * on. Caller holds the tracer's lock.
 */
#ifndef MAPTRACE_PRELOAD_SUPPOSE_H
#define MAPTRACE_PRELOAD_SUPPOSE_H

#include "activation.h"

/* The likeliest old array by the evidence at birth; opens a resize that may be taken back. */
void suppose_old(struct activation *activation, struct birth *birth);

/*
 * OLD, supposed to have been replaced by a birth that is not settled, is about
 * to go: takes that back if the other array is held elsewhere and OLD is still
 * in use.
 */
void suppose_doubt(array_index old);

/* A place that led to the array with SERIAL leads to BIRTH's now. */
bool suppose_flipped(struct birth *birth, uint64_t serial);

/* The word at SLOT leads to ARRAY. */
bool suppose_points_to(uintptr_t slot, const struct trace_array *array);

/* OLD, which is alive, is still in use where BIRTH's evidence or its own holder shows it. */
bool suppose_in_use(const struct birth *birth, array_index old);

#endif
