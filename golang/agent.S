// The agent's code: see agent.h. Position independent; rax, rbx, rsp, rbp, r14 and
// r15 stay as they are, all others are the runtime's scratch registers at each entry
// (patch.c has checked that).
#include "golang/agent.h"
#include "golang/agent_layout.h"

// runtime.hmap
#define HMAP_COUNT 0
#define HMAP_FLAGS 8
#define HMAP_BUCKETS 16
#define HMAP_OLDBUCKETS 24
#define HMAP_NEVACUATE 32

// runtime.g
#define STACK_LOW 0
#define STACK_HIGH 8

#define SIGPROCMASK 14
#define FUTEX 202
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_WAITERS 0x80000000 // in a robust futex, beside the thread that has it
#define FUTEX_TID_MASK 0x3fffffff
#define EXIT_GROUP 231

    .section .rodata.go_agent, "a", @progbits
    .balign 16
    .globl go_agent_begin, go_agent_end
    .hidden go_agent_begin, go_agent_end
go_agent_begin:
constants:
    .zero GO_AGENT_BYTES
    .balign 16

// Claims an event of KIND and writes its head: rdi is the event, r9 its sequence. Takes
// rcx, rdx, rsi and r8 as well; at the end rcx is 0. Goes to SKIP where nobody drains: in a
// fork's child there is no ring, and a full one was left by its owner or is overrun.
    .macro claim kind, skip
    mov constants + GO_AGENT_DATA(%rip), %r8
    test %r8, %r8
    jz \skip
    mov CLAIMED(%r8), %rdi
    sub DRAINED(%r8), %rdi
    cmp constants + GO_AGENT_MASK(%rip), %rdi
    jle 8f // or below zero: others were written and drained in between
    lock incq REFUSED(%r8)
    jmp \skip
8:
    mov $1, %r9d
    lock xadd %r9, CLAIMED(%r8)
    mov constants + GO_AGENT_MASK(%rip), %rdi
    and %r9, %rdi
    mov constants + GO_AGENT_NEAR(%rip), %rcx
    add %rcx, %rdi
    lea -1(%rcx), %rdx
    and %r9, %rdx
    mov %r9, %rsi
    sub DRAINED(%r8), %rsi
    cmp %rcx, %rsi
    cmovl %rdx, %rdi
    shl $EVENT_SHIFT, %rdi
    lea FIRST_EVENT(%r8, %rdi), %rdi
    inc %r9
    mov %rax, %rsi
    rdtsc
    shl $32, %rdx
    or %rax, %rdx
    mov %rsi, %rax
    mov %rdx, EVENT_TSC(%rdi)
    movl $\kind, EVENT_KIND(%rdi)
    mov %r14, EVENT_GOROUTINE(%rdi)
    xor %ecx, %ecx
    .endm

// Writes the fields of the map at MAP, through rdx.
    .macro copy_map map
    mov \map, EVENT_HMAP(%rdi)
    mov HMAP_COUNT(\map), %rdx
    mov %rdx, EVENT_COUNT(%rdi)
    mov HMAP_FLAGS(\map), %edx // and B, noverflow
    mov %rdx, EVENT_FLAGS(%rdi)
    mov HMAP_BUCKETS(\map), %rdx
    mov %rdx, EVENT_BUCKETS(%rdi)
    mov HMAP_OLDBUCKETS(\map), %rdx
    mov %rdx, EVENT_OLDBUCKETS(%rdi)
    mov HMAP_NEVACUATE(\map), %rdx
    mov %rdx, EVENT_NEVACUATE(%rdi)
    .endm

// Walks the frame pointers, from the call that was redirected: rcx becomes the number of
// frames. Takes rdx, rsi, r8, r10. Each frame must lie above the last one and below the
// end of the goroutine's stack, so what is read is there and the walk ends.
    .macro walk
    cmp STACK_LOW(%r14), %rsp
    jb 2f
    mov STACK_HIGH(%r14), %r10
    sub $16, %r10
    jb 2f
    cmp %r10, %rsp
    ja 2f
    mov (%rsp), %rdx
    mov %rdx, EVENT_PC(%rdi)
    inc %ecx
    mov %rsp, %r8
    mov %rbp, %rsi
1:
    cmp %r8, %rsi
    jb 2f
    cmp %r10, %rsi
    ja 2f
    test $7, %sil
    jnz 2f
    mov 8(%rsi), %rdx
    mov %rdx, EVENT_PC(%rdi, %rcx, 8)
    inc %ecx
    lea 16(%rsi), %r8
    mov (%rsi), %rsi
    cmp $FRAMES, %ecx
    jb 1b
2:
    .endm

    .macro commit
    mov %ecx, EVENT_FRAMES(%rdi)
    mov %r9, (%rdi)
    .endm

    .macro entry name
    .globl \name
    .hidden \name
    .balign 16
\name:
    .endm

// In place of a call of hashGrow: rax is the type, rbx the map.
entry go_agent_grow
    claim GROW, 9f
    mov %rax, EVENT_MAPTYPE(%rdi)
    copy_map %rbx
    walk
    commit
9:
    jmp *constants + GO_AGENT_HASH_GROW(%rip)

// In place of a test of writeBarrier in advanceEvacuationMark: rax is the map, rbx its type.
entry go_agent_moved
    claim MOVED, 9f
    mov %rbx, EVENT_MAPTYPE(%rdi)
    copy_map %rax
    commit
9:
    mov constants + GO_AGENT_MOVED_FLAG(%rip), %rcx
    cmpl $0, (%rcx)
    jmp *constants + GO_AGENT_MOVED_NEXT(%rip)

// In place of such a test in mapclear: rbx is the map.
entry go_agent_cleared
    cmpq $0, HMAP_OLDBUCKETS(%rbx)
    je 9f
    claim CLEARED, 9f
    mov %rcx, EVENT_MAPTYPE(%rdi)
    copy_map %rbx
    commit
9:
    mov constants + GO_AGENT_CLEARED_FLAG(%rip), %rcx
    cmpl $0, (%rcx)
    jmp *constants + GO_AGENT_CLEARED_NEXT(%rip)

// In place of `mov $SYS_exit_group, %eax` in runtime.exit, which does not return: edi is the
// status. Waits until the watcher has looked or has died. No signal may end that early; this
// thread takes none any more.
entry go_agent_exit
    mov constants + GO_AGENT_DATA(%rip), %r13
    mov %edi, %ebx
    test %r13, %r13
    jz 2f
    mov %edi, EXIT_STATUS(%r13)
    mov $SIGPROCMASK, %eax
    xor %edi, %edi // SIG_BLOCK
    lea constants + GO_AGENT_SIGNALS(%rip), %rsi
    xor %edx, %edx
    mov $8, %r10d
    syscall
    movl $1, EXITING(%r13)
    mov $FUTEX, %eax
    lea EXITING(%r13), %rdi
    mov $FUTEX_WAKE, %esi
    mov $1, %edx
    syscall
1:
    mov WATCHER(%r13), %eax
    test $FUTEX_TID_MASK, %eax
    jz 2f
    mov %eax, %edx
    or $FUTEX_WAITERS, %edx
    lock cmpxchg %edx, WATCHER(%r13)
    jne 1b
    mov $FUTEX, %eax
    lea WATCHER(%r13), %rdi
    mov $FUTEX_WAIT, %esi
    lea constants + GO_AGENT_EXIT_WAIT(%rip), %r10
    syscall
2:
    mov %ebx, %edi
    mov $EXIT_GROUP, %eax
    jmp *constants + GO_AGENT_EXIT_NEXT(%rip)

// In place of calls of (*table).grow and .split: rax is the table, rbx the type, rcx the map.
    .macro swiss kind, go_on
    mov %rcx, %r11
    mov %rdi, %r12
    claim \kind, 9f
    mov %rbx, EVENT_MAPTYPE(%rdi)
    mov %r11, EVENT_HMAP(%rdi)
    mov %rax, EVENT_BUCKETS(%rdi)
    mov %rcx, EVENT_COUNT(%rdi)
    mov %rcx, EVENT_FLAGS(%rdi)
    mov %rcx, EVENT_OLDBUCKETS(%rdi)
    mov %rcx, EVENT_NEVACUATE(%rdi)
    walk
    commit
9:
    mov %r11, %rcx
    mov %r12, %rdi
    jmp *constants + \go_on(%rip)
    .endm

entry go_agent_swiss_grow
    swiss SWISS_GROW, GO_AGENT_SWISS_GROW

entry go_agent_swiss_split
    swiss SWISS_SPLIT, GO_AGENT_SWISS_SPLIT

go_agent_end:
    .section .note.GNU-stack, "", @progbits
