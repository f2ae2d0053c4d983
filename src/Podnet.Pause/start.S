/*
 * Where the kernel enters pause, and how pause enters the kernel: the two things that C# cannot say.
 * x86-64 System V ABI, "Process Initialization": at entry, the stack holds argc, then argv.
 */
    .globl _start
_start:
    xor     %ebp, %ebp              /* the outermost frame */
    mov     (%rsp), %rdi            /* argc */
    lea     8(%rsp), %rsi           /* argv */
    and     $-16, %rsp
    call    pause_main
    mov     %eax, %edi              /* main's result is the exit code */
    mov     $231, %eax              /* exit_group */
    syscall

/*
 * long system_call(long number, long a, long b, long c, long d)
 * From the C calling convention (rdi rsi rdx rcx r8) to the kernel's (rax; rdi rsi rdx r10), syscall(2). Negative: -errno.
 */
    .globl system_call
system_call:
    mov     %rdi, %rax
    mov     %rsi, %rdi
    mov     %rdx, %rsi
    mov     %rcx, %rdx
    mov     %r8, %r10
    syscall
    ret

    .section .note.GNU-stack, "", @progbits
