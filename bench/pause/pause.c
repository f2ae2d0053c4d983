/* What src/Podnet.Pause does, in C: the yardstick of bench/pause-memory. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) {
            puts("pause.c");
            return 0;
        }
    }
    if (getpid() != 1)
        fputs("warning: not the first process\n", stderr);

    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGCHLD);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        int got = sigwaitinfo(&awaited, NULL);
        if (got == SIGINT || got == SIGTERM) {
            fprintf(stderr, "ending, got signal %d\n", got);
            return 0;
        }
    }
}
