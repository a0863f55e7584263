// Runs programs of the keystore for tests: in a private folder, with their output kept.
#ifndef TESTS_SIGNER_PROCESS_H
#define TESTS_SIGNER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Makes a folder and enters it; process_folder_leave removes it with everything in it.
void process_folder_enter(void);
void process_folder_leave(void);

void file_write(const char *name, const char *text, mode_t mode);

struct process_result {
    int status;       // exit status, or 1000 + signal
    char out[4096];   // stdout
    char err[4096];   // stderr
};

// Runs to the end with `input` on stdin (NULL: empty). `argv` ends with NULL.
void process_run(const char *const *argv, const char *input, struct process_result *result);

// Starts with `fds[0..1]` as descriptors 3 and 4, stderr into the file "stderr".
pid_t process_start(const char *const *argv, const int fds[2]);
int process_wait(pid_t pid); // as process_result.status

// Content of a file under 4 KiB, NUL-terminated.
void file_read(const char *path, char out[4096]);

#endif
