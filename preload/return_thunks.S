/*
 * The code behind returns.h: one thunk for each return address that is
 * watched, and what they share.
 *
 * A thunk tells returns_seen() and goes on to its return address. It keeps no
 * state: whatever happens to the stack (longjmp, exceptions, a copy that is
 * returned through twice, fork), a thunk always leads to the same place.
 */

#define THUNKS 1024 /* returns.h: RETURNS_MOST */
#define THUNK_BYTES 16 /* returns.h: RETURNS_STRIDE */

/* Legacy area and header of XSAVE, then AVX and AVX-512 state. */
#define STATE_BYTES (512 + 64 + 256 + 64 + 512 + 1024)
#define STATE_HEADER 512
/* SSE, AVX, opmask, ZMM: what C code of ours or libc's may use. Never x87. */
#define STATE_MASK 0xe6

    .hidden returns_thunks
    .hidden returns_targets
    .hidden returns_seen
    .hidden returns_with_xsavec
    .globl returns_thunks

    .text
    .balign THUNK_BYTES, 0x90
/* Unwinders look up the address before a return address: one thunk's worth of padding. */
    .cfi_startproc
/*
 * libgcc tells frames apart by their CFA, so that is not where the stack pointer
 * will be but 8 above, and that is 8 below: DW_CFA_val_offset rsp, -8.
 */
    .cfi_escape 0x14, 0x07, 0x01
/*
 * The caller's address stands where the thunk's jump finds it. With
 * thunk = rip & -16: thunk + 11 + (disp32 at thunk + 7).
 *   DW_CFA_expression rip, 13 bytes: breg16 0, const1s -16, and, dup, plus_uconst 7,
 *   deref_size 4, plus, plus_uconst 11
 */
    .cfi_escape 0x10, 0x10, 0x0d, 0x80, 0x00, 0x09, 0xf0, 0x1a, 0x12, 0x23, 0x07, 0x94, 0x04, 0x22, 0x23, 0x0b
    .skip THUNK_BYTES, 0x90
    .type returns_thunks, @function
returns_thunks:
    .set thunk, 0
    .rept THUNKS
    .balign THUNK_BYTES, 0x90
    call returned
    jmp *(returns_targets + THUNK_BYTES * thunk)(%rip)
    .set thunk, thunk + 1
    .endr
    .balign THUNK_BYTES, 0x90
    .cfi_endproc
    .size returns_thunks, . - returns_thunks

/*
 * Called by a thunk. The function that returns may have left its result in
 * rax, rdx, the first vector registers and the x87 stack, and a compiler that
 * knows it may keep more: everything is kept but the flags.
 */
    .type returned, @function
returned:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    sub $STATE_BYTES, %rsp
    and $-64, %rsp
    cmpb $0, returns_with_xsavec(%rip)
    je 1f
    xor %eax, %eax
    .set at, 0
    .rept 8
    mov %rax, (STATE_HEADER + at)(%rsp)
    .set at, at + 8
    .endr
    mov $STATE_MASK, %eax
    xor %edx, %edx
    xsavec (%rsp)
    jmp 2f
1:  fxsave64 (%rsp)
2:  mov 8(%rbp), %rdi
    lea 16(%rbp), %rsi
    mov (%rbp), %rdx
    cld
    call returns_seen
    cmpb $0, returns_with_xsavec(%rip)
    je 3f
    mov $STATE_MASK, %eax
    xor %edx, %edx
    xrstor (%rsp)
    jmp 4f
3:  fxrstor64 (%rsp)
/* The next grow function has its frame here: no leftovers that look like its own. */
4:  xor %eax, %eax
    mov %rsp, %rdi
    mov $(STATE_BYTES / 8), %ecx
    rep stosq
    lea -72(%rbp), %rsp
    .irp register, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax
    pop %\register
    movq $0, -8(%rsp)
    .endr
    pop %rbp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size returned, . - returned

    .section .note.GNU-stack, "", @progbits
