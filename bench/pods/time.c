// Milliseconds that plugins take, each from the start of its process to its end: time CHAIN... in the environment as it is. A chain is
// PROGRAM INPUT-FILE, and where a runtime calls several for one pod, those joined by "+": ptp a.conf + portmap b.conf. All chains in turn: with
// CNI_COMMAND=ADD, in their order, then with DEL, backwards. A line each: number of the chain, command, the sum over its programs.
// In C because a shell takes as long to start a process as the process then takes.
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static double run(char *program, const char *input) {
  char *argv[] = {program, NULL};
  posix_spawn_file_actions_t files;
  pid_t pid;
  int status;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, input, O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  double start = now();
  if (posix_spawn(&pid, program, &files, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid || status != 0) {
    fprintf(stderr, "%s %s failed\n", program, getenv("CNI_COMMAND"));
    exit(1);
  }
  return now() - start;
}

int main(int argc, char **argv) {
  for (int first = 1, chain = 0; first + 1 < argc; chain++) {
    int last = first; // its last program's place
    while (last + 4 < argc && strcmp(argv[last + 2], "+") == 0) last += 3;
    double added = 0, deleted = 0;
    setenv("CNI_COMMAND", "ADD", 1);
    for (int i = first; i <= last; i += 3) added += run(argv[i], argv[i + 1]);
    setenv("CNI_COMMAND", "DEL", 1);
    for (int i = last; i >= first; i -= 3) deleted += run(argv[i], argv[i + 1]);
    printf("%d ADD %f\n%d DEL %f\n", chain, added, chain, deleted);
    first = last + 2;
  }
}
