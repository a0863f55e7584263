/* The floor of ./dev bench index: jansson parses answers of eth_getLogs and each field is decoded, over and
 * over, for the seconds asked. One answer per line of FILE. Prints how many logs in how much time.
 *
 *   index-floor FILE SECONDS
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/hex.h"
#include "relayer/base/check.h"

enum { ANSWERS_MAX = 4096, TOPICS_MAX = 4, DATA_MAX = 4096, ANSWER_MAX = 64 * 1024 * 1024 };

struct log {
    uint8_t address[20], topic[TOPICS_MAX][32], data[DATA_MAX], block_hash[32], tx_hash[32];
    size_t topics_n, data_n;
    unsigned long long block, tx_index, log_index;
    bool removed;
};

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    CHECK(text != NULL);
    return text;
}

static void bytes_read(const char *text, uint8_t *out, size_t n)
{
    CHECK(hex_decode_exact(text, out, n));
}

static unsigned long long quantity_of(const json_t *object, const char *key)
{
    return strtoull(text_of(object, key), NULL, 16);
}

static void log_read(const json_t *object, struct log *out)
{
    const json_t *topics = json_object_get(object, "topics");
    const char *data = text_of(object, "data");
    bytes_read(text_of(object, "address"), out->address, 20);
    bytes_read(text_of(object, "blockHash"), out->block_hash, 32);
    bytes_read(text_of(object, "transactionHash"), out->tx_hash, 32);
    out->topics_n = json_array_size(topics);
    CHECK(out->topics_n <= TOPICS_MAX);
    for (size_t i = 0; i < out->topics_n; i++)
        bytes_read(json_string_value(json_array_get(topics, i)), out->topic[i], 32);
    CHECK(hex_decode(data + 2, strlen(data + 2), out->data, sizeof out->data, &out->data_n));
    out->block = quantity_of(object, "blockNumber");
    out->tx_index = quantity_of(object, "transactionIndex");
    out->log_index = quantity_of(object, "logIndex");
    out->removed = json_is_true(json_object_get(object, "removed"));
}

static size_t answer_read(const char *line, size_t n)
{
    struct log log;
    json_t *document = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *logs = json_object_get(document, "result");
    size_t logs_n = json_array_size(logs);
    CHECK(document != NULL && json_is_array(logs));
    for (size_t i = 0; i < logs_n; i++)
        log_read(json_array_get(logs, i), &log);
    json_decref(document);
    return logs_n;
}

int main(int argc, char **argv)
{
    static char *answer[ANSWERS_MAX];
    static size_t answer_n[ANSWERS_MAX];
    size_t answers = 0, cap = 0, logs = 0;
    CHECK(argc == 3);
    FILE *file = fopen(argv[1], "r");
    CHECK(file != NULL);
    for (ssize_t n; answers < ANSWERS_MAX && (n = getline(&answer[answers], &cap, file)) > 0;
         answers++, cap = 0) {
        CHECK(n <= ANSWER_MAX);
        answer_n[answers] = (size_t)n;
    }
    CHECK(fclose(file) == 0 && answers > 0);
    double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID), begun = seconds_of(CLOCK_MONOTONIC);
    double until = begun + strtod(argv[2], NULL);
    do {
        for (size_t i = 0; i < answers; i++)
            logs += answer_read(answer[i], answer_n[i]);
    } while (seconds_of(CLOCK_MONOTONIC) < until);
    printf("{\"logs\":%zu,\"cpu_s\":%.6f,\"wall_s\":%.6f}\n", logs,
           seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu, seconds_of(CLOCK_MONOTONIC) - begun);
    return 0;
}
