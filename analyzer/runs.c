#include "analyzer/runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool same_run(const struct trace *a, const struct trace *b)
{
    return a->header.root_pid == b->header.root_pid &&
           strcmp(a->header.boot_id, b->header.boot_id) == 0;
}

/* True if no earlier trace is of the same run. */
static bool begins_run(const struct report *report, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (same_run(report->traces[i], report->traces[index]))
            return false;
    return true;
}

/* What one run knows of one rule. */
struct sight {
    const struct trace_rule *best; /* of the highest status; rather one with a reason */
    const char *board_reason;      /* why it was blind in a descendant, which may have no trace */
    bool user, broken, present;
    uint64_t symbols, arrays, resizes;
    uint64_t first[4];       /* processes by status: the first one, and its board */
    uint64_t descendants[4]; /* of those whose trace is here */
};

struct run {
    struct sight *sights;
    size_t count;
};

static struct sight *sight_of(struct run *run, const struct trace_rule *rule, size_t hint)
{
    /* The rules of a run's processes stand in the same order, as a rule. */
    if (hint < run->count && strcmp(run->sights[hint].best->name, rule->name) == 0)
        return &run->sights[hint];
    for (size_t i = 0; i < run->count; i++)
        if (strcmp(run->sights[i].best->name, rule->name) == 0)
            return &run->sights[i];
    struct sight *sights = reallocarray(run->sights, run->count + 1, sizeof(*sights));
    if (!sights)
        return NULL;
    run->sights = sights;
    sights[run->count] = (struct sight){.best = rule, .board_reason = ""};
    return &sights[run->count++];
}

static void look(struct sight *sight, const struct trace *trace, const struct trace_rule *rule)
{
    sight->user |= (rule->flags & TRACE_RULE_USER) != 0;
    sight->broken |= (rule->flags & TRACE_RULE_BROKEN) != 0;
    sight->present |= (rule->flags & TRACE_RULE_PRESENT) != 0;
    sight->symbols += rule->symbols;
    sight->arrays += rule->arrays;
    sight->resizes += rule->resizes;
    if (trace->header.flags & TRACE_FLAG_DESCENDANT) {
        sight->descendants[rule->status]++;
    } else {
        sight->first[rule->status]++;
        for (int status = 0; status < 4; status++)
            sight->first[status] += rule->run_status[status];
        if (!*sight->board_reason)
            sight->board_reason = rule->run_reason;
    }
    if (rule->status > sight->best->status ||
        (rule->status == sight->best->status && !*sight->best->reason))
        sight->best = rule;
}

static int look_at_run(struct run *run, const struct report *report, const struct trace *leader)
{
    for (size_t t = 0; t < report->trace_count; t++) {
        const struct trace *trace = report->traces[t];
        if (!same_run(leader, trace))
            continue;
        for (uint32_t i = 0; i < trace->rule_count; i++) {
            struct sight *sight = sight_of(run, &trace->rules[i], i);
            if (!sight)
                return -ENOMEM;
            look(sight, trace, &trace->rules[i]);
        }
    }
    return 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/*
 * Every descendant stands on the board as it was at its last word; those whose
 * trace is here are among them, so that the two do not add up.
 */
static uint64_t processes(const struct sight *sight, int status)
{
    return larger(sight->first[status], sight->descendants[status]);
}

static enum trace_rule_status best_status(const struct sight *sight)
{
    int status = TRACE_RULE_ACTIVE;
    while (status > TRACE_RULE_ABSENT && processes(sight, status) == 0)
        status--;
    return (enum trace_rule_status)status;
}

static struct report_rule *report_rule_named(struct report *report, const struct trace_rule *rule)
{
    for (size_t i = 0; i < report->rule_count; i++)
        if (strcmp(report->rules[i].name, rule->name) == 0)
            return &report->rules[i];
    struct report_rule *rules = reallocarray(report->rules, report->rule_count + 1, sizeof(*rules));
    if (!rules)
        return NULL;
    report->rules = rules;
    struct report_rule *added = &rules[report->rule_count++];
    *added = (struct report_rule){.name = rule->name, .about = rule->about, .reason = ""};
    return added;
}

static int add_sight(struct report *report, const struct sight *sight)
{
    struct report_rule *rule = report_rule_named(report, sight->best);
    if (!rule)
        return -ENOMEM;
    enum trace_rule_status status = best_status(sight);
    const char *reason = sight->best->status == status ? sight->best->reason
                         : status == TRACE_RULE_BLIND  ? sight->board_reason
                                                       : "";
    if (status > rule->status || (status == rule->status && !*rule->reason)) {
        rule->status = status;
        rule->reason = reason;
    }
    rule->user |= sight->user;
    rule->symbols += sight->symbols;
    rule->arrays += sight->arrays;
    rule->resizes += sight->resizes;
    for (int i = 0; i < 4; i++)
        rule->processes[i] += processes(sight, i);
    return 0;
}

/* A rule with an error in its text sees nothing, whatever its status says. */
static int doubt_rule(struct report *report, const struct trace *leader, const struct sight *sight)
{
    bool blind = best_status(sight) == TRACE_RULE_BLIND;

    if (sight->present && blind)
        return report_doubt(report, "%s: rule %s is blind, though its container is there%s%s",
                            leader->file, sight->best->name, *sight->best->reason ? ": " : "",
                            sight->best->reason);
    if (!sight->user || (!sight->broken && !blind))
        return 0;
    return report_doubt(report, "%s: rule %s, which you gave, %s%s%s", leader->file,
                        sight->best->name,
                        sight->broken ? "has an error" : "is blind in every process of the run",
                        *sight->best->reason ? ": " : "", sight->best->reason);
}

static int judge_run(struct report *report, const struct trace *leader)
{
    struct run run = {0};
    bool any = false;
    int outcome = look_at_run(&run, report, leader);
    for (size_t i = 0; i < run.count && outcome == 0; i++) {
        any |= best_status(&run.sights[i]) >= TRACE_RULE_IDLE;
        outcome = add_sight(report, &run.sights[i]);
        if (outcome == 0)
            outcome = doubt_rule(report, leader, &run.sights[i]);
    }
    free(run.sights);
    if (outcome == 0 && !any)
        outcome = report_doubt(report, "%s: no rule saw its container in any process of the run",
                               leader->file);
    return outcome;
}

int runs_judge(struct report *report)
{
    int outcome = 0;
    for (size_t i = 0; i < report->trace_count && outcome == 0; i++)
        if (begins_run(report, i))
            outcome = judge_run(report, report->traces[i]);
    return outcome;
}
