// Milliseconds that a program takes, from the start of its process to its end: time PROGRAM INPUT-FILE [PROGRAM INPUT-FILE]... in the environment
// as it is, all in turn, once with CNI_COMMAND=ADD and once with DEL. A line each: number of the program, command, time.
// In C because a shell takes as long to start a process as the process then takes.
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
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
  for (int i = 1; i + 1 < argc; i += 2) {
    setenv("CNI_COMMAND", "ADD", 1);
    printf("%d ADD %f\n", i / 2, run(argv[i], argv[i + 1]));
    setenv("CNI_COMMAND", "DEL", 1);
    printf("%d DEL %f\n", i / 2, run(argv[i], argv[i + 1]));
  }
}
