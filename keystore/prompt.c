#include "keystore/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

// Byte by byte: on a pipe nothing behind the line may be swallowed.
static bool line_read(int fd, struct secret *line, size_t *n, const char **why)
{
    for (*n = 0; *n < LINE_MAX_BYTES;) {
        ssize_t got = read(fd, line->data + *n, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            *why = strerror(errno);
            return false;
        }
        if (got == 0 || line->data[*n] == '\n')
            return true;
        ++*n;
    }
    *why = "the line is too long";
    return false;
}

bool prompt_read(int fd, struct secret *out, const char **why)
{
    struct secret line;
    size_t n;
    if (!secret_new(&line, LINE_MAX_BYTES)) {
        *why = "no locked memory (see ulimit -l)";
        return false;
    }
    bool ok = line_read(fd, &line, &n, why);
    if (ok && n > 0 && line.data[n - 1] == '\r')
        n--;
    if (ok && n == 0) {
        *why = "nothing was given";
        ok = false;
    }
    if (!ok) {
        secret_free(&line);
        return false;
    }
    secret_wipe(line.data + n, LINE_MAX_BYTES - n);
    line.n = n;
    *out = line;
    return true;
}

bool prompt_line(const char *question, struct secret *out, const char **why)
{
    struct termios shown, hidden;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd < 0 || tcgetattr(fd, &shown) != 0) {
        *why = "there is no terminal to ask on; use a password file";
        if (fd >= 0)
            close(fd);
        return false;
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    bool ok = tcsetattr(fd, TCSAFLUSH, &hidden) == 0 &&
              write(fd, question, strlen(question)) == (ssize_t)strlen(question);
    if (ok)
        ok = prompt_read(fd, out, why);
    else
        *why = "the terminal does not hide what is typed";
    tcsetattr(fd, TCSAFLUSH, &shown);
    ssize_t ignored = write(fd, "\n", 1);
    (void)ignored;
    close(fd);
    return ok;
}
