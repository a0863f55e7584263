/*
 * The client of ./dev bench rpc: N connections, each with one request under way, for a while. Every
 * answer must carry a result and our id, "bench"; anything else ends the run. Prints one JSON
 * object: answers, seconds, p50_us, p99_us.
 *
 *   rpc-load SOCKET CONNECTIONS MILLISECONDS LINE        (LINE: the request, without its newline)
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "relayer/base/check.h"

enum { CONNECTIONS_MAX = 256, ANSWER_MAX = 65536, SAMPLES_MAX = 4 * 1024 * 1024, STALL_MS = 10000 };

struct load_conn {
    int fd;
    size_t n;
    int64_t sent_ns;
    char answer[ANSWER_MAX];
};

struct load {
    int epoll;
    const char *line; /* with its newline */
    size_t line_n;
    uint32_t *sample_ns;
    size_t samples;
};

static int64_t now_ns(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void request_send(const struct load *load, struct load_conn *conn)
{
    conn->n = 0;
    conn->sent_ns = now_ns();
    CHECK(send(conn->fd, load->line, load->line_n, MSG_NOSIGNAL) == (ssize_t)load->line_n);
}

static void conn_open(struct load *load, struct load_conn *conn, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    conn->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(conn->fd >= 0);
    CHECK(connect(conn->fd, (struct sockaddr *)&address, sizeof address) == 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    CHECK(epoll_ctl(load->epoll, EPOLL_CTL_ADD, conn->fd, &event) == 0);
}

static void answer_check(const struct load_conn *conn)
{
    if (memmem(conn->answer, conn->n, "\"result\":", 9) != NULL &&
        memmem(conn->answer, conn->n, "\"bench\"", 7) != NULL)
        return;
    fprintf(stderr, "rpc-load: not the answer wanted: %.*s", (int)conn->n, conn->answer);
    exit(1);
}

/* True when a whole answer is there. */
static bool answer_read(struct load *load, struct load_conn *conn)
{
    ssize_t n = recv(conn->fd, conn->answer + conn->n, ANSWER_MAX - conn->n, 0);
    if (n <= 0) {
        fprintf(stderr, "rpc-load: the server closed the connection\n");
        exit(1);
    }
    conn->n += (size_t)n;
    CHECK(conn->n < ANSWER_MAX);
    if (conn->answer[conn->n - 1] != '\n')
        return false;
    int64_t took = now_ns() - conn->sent_ns;
    answer_check(conn);
    if (load->samples < SAMPLES_MAX)
        load->sample_ns[load->samples++] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
    return true;
}

static int sample_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Sends until `end`, then waits for what is under way. Returns the answers. */
static size_t load_run(struct load *load, struct load_conn *conns, size_t n, int64_t end_ns)
{
    struct epoll_event events[CONNECTIONS_MAX];
    size_t under_way = n;
    size_t answers = 0;
    for (size_t i = 0; i < n; i++)
        request_send(load, &conns[i]);
    while (under_way > 0) {
        int ready = epoll_wait(load->epoll, events, CONNECTIONS_MAX, STALL_MS);
        if (ready == 0) {
            fprintf(stderr, "rpc-load: no answer within %d ms\n", STALL_MS);
            exit(1);
        }
        for (int i = 0; i < ready; i++) {
            struct load_conn *conn = events[i].data.ptr;
            if (!answer_read(load, conn))
                continue;
            answers++;
            if (now_ns() < end_ns)
                request_send(load, conn);
            else
                under_way--;
        }
    }
    return answers;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: rpc-load SOCKET CONNECTIONS MILLISECONDS LINE\n");
        return 3;
    }
    size_t n = strtoul(argv[2], NULL, 10);
    int64_t ms = strtol(argv[3], NULL, 10);
    CHECK(n >= 1 && n <= CONNECTIONS_MAX && ms > 0);
    char *line = NULL;
    int line_n = asprintf(&line, "%s\n", argv[4]);
    CHECK(line_n > 0);
    struct load load = {
        .epoll = epoll_create1(EPOLL_CLOEXEC), .line = line, .line_n = (size_t)line_n};
    load.sample_ns = calloc(SAMPLES_MAX, sizeof *load.sample_ns);
    struct load_conn *conns = calloc(n, sizeof *conns);
    CHECK(load.epoll >= 0 && load.sample_ns != NULL && conns != NULL);
    for (size_t i = 0; i < n; i++)
        conn_open(&load, &conns[i], argv[1]);
    int64_t begun = now_ns();
    size_t answers = load_run(&load, conns, n, begun + ms * 1000000);
    double seconds = (double)(now_ns() - begun) / 1e9;
    qsort(load.sample_ns, load.samples, sizeof *load.sample_ns, sample_compare);
    printf("{\"answers\": %zu, \"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", answers,
           seconds, load.sample_ns[load.samples / 2] / 1e3,
           load.sample_ns[load.samples * 99 / 100] / 1e3);
    free(conns);
    free(load.sample_ns);
    free(line);
    return 0;
}
