#include "big_stack.h"

#include <stddef.h>

#include "../rules/rule.h"
#include "pages.h"

#define BIG_STACK_BYTES ((size_t)RULES_STACK_BYTES)

static char *stack;

void big_stack_call(void (*function)(void *), void *context)
{
    if (!stack)
        stack = pages_map(BIG_STACK_BYTES);
    if (!stack) {
        function(context);
        return;
    }
    void *top = stack + BIG_STACK_BYTES;
    /* rbx keeps the program's stack pointer across the call. */
    __asm__ volatile("movq %%rsp, %%rbx\n\t"
                     "movq %[top], %%rsp\n\t"
                     "callq *%[function]\n\t"
                     "movq %%rbx, %%rsp"
                     : "+D"(context)
                     : [top] "r"(top), [function] "r"(function)
                     : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "cc", "memory",
                       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}
