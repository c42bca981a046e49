#include "home.h"

/* The kernel keeps more room than that free below the first thread's stack for it to grow. */
#define FIRST_STACK ((uintptr_t)8 << 20)
/* Between a thread's descriptor and its stack lie its thread-local variables. */
#define STATIC_TLS_MOST ((uintptr_t)128 << 10)

extern void *__libc_stack_end; /* where the stack of the first thread begins */
#pragma weak __libc_stack_end

__thread struct home home_self __attribute__((tls_model("initial-exec")));

uintptr_t home_of_first(void)
{
    return &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0;
}

void home_find(uintptr_t sp)
{
    uintptr_t end = home_of_first();

    if (!end || end - sp >= FIRST_STACK)
        return;
    if (home_self.high != end || sp < home_self.used)
        home_self.used = sp;
    home_self.low = end - FIRST_STACK;
    home_self.high = end;
}

void home_add(uintptr_t low, uintptr_t end)
{
    uintptr_t descriptor = (uintptr_t)__builtin_thread_pointer();

    if (descriptor - end >= STATIC_TLS_MOST || low >= end)
        return;
    if (home_self.high != descriptor || low < home_self.low)
        home_self.low = home_self.used = low;
    home_self.high = descriptor;
}
