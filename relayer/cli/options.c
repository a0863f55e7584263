#include "relayer/cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where ./dev up writes what it started, below the folder it was called in. */
static const char DEV_STATE[] = ".dev/up/state.json";
static const char INSTALLED_SOCKET[] = "/run/kustodia/relayer.sock";

static const char USAGE[] =
    "usage: relayerctl [options] METHOD [-k key=value ...] [ID | JSON | -]\n"
    "\n"
    "  METHOD is any method of the daemon; \"payment create\" is payment.create. Parameters\n"
    "  come from -k, from a JSON object, or from standard input (-). Amounts are decimal\n"
    "  text: -k amount=1000.00\n"
    "\n"
    "  relayerctl help [METHOD]                       what there is, and the parameters of one\n"
    "  relayerctl status                              how the daemon is\n"
    "  relayerctl doctor                              what is wrong and what to do\n"
    "  relayerctl timeline PAYMENT                    what happened, in words\n"
    "  relayerctl escrow time_left ESCROW|PAYMENT     custody time left, start and end\n"
    "  relayerctl wait payment ID --for state=completed [--timeout 60]\n"
    "  relayerctl events [--follow] [--from SEQ]\n"
    "  relayerctl audit verify --all | PAYMENT | TX   compare the books with the chain again\n"
    "\n"
    "  -s, --socket PATH     the daemon's socket (else RELAYER_SOCKET, else what ./dev up\n"
    "                        started here, else /run/kustodia/relayer.sock)\n"
    "  -k, --param KEY=VALUE a parameter; may be repeated\n"
    "  -o, --output FORMAT   table, json, jsonl or csv (table on a terminal, json otherwise)\n"
    "      --filter PATH     only that field of the result, such as payments.0.state\n"
    "      --dry-run         say what would happen, change nothing\n"
    "      --timeout S       longest wait for an answer, or of wait\n"
    "  -h, --help            this text\n"
    "\n"
    "  exit status: 0 done, 1 error answer, 2 daemon not reachable, 3 usage, 4 wait timed out,\n"
    "  5 verification found a difference\n";

enum cli_exit usage_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("relayerctl: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputs("\nhint: relayerctl --help\n", stderr);
    va_end(args);
    return CLI_USAGE;
}

static bool output_parse(const char *name, enum cli_output *out)
{
    static const char *const NAMES[] = {[OUTPUT_TABLE] = "table", [OUTPUT_JSON] = "json",
                                        [OUTPUT_JSONL] = "jsonl", [OUTPUT_CSV] = "csv"};
    for (size_t i = OUTPUT_TABLE; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(NAMES[i], name) == 0) {
            *out = (enum cli_output)i;
            return true;
        }
    }
    return false;
}

static bool number_parse(const char *text, int64_t most, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 0 || value > most)
        return false;
    *out = value;
    return true;
}

static bool socket_set(struct cli_options *out, const char *path)
{
    int n = snprintf(out->socket, sizeof out->socket, "%s", path);
    return n > 0 && (size_t)n < sizeof out->socket;
}

/* The socket of an environment that ./dev up left running in this folder. */
static bool socket_of_dev(struct cli_options *out)
{
    json_t *state = json_load_file(DEV_STATE, JSON_REJECT_DUPLICATES, NULL);
    const char *path = json_string_value(json_object_get(state, "socket"));
    bool found = path != NULL && socket_set(out, path);
    json_decref(state);
    return found;
}

static enum cli_exit socket_choose(struct cli_options *out, const char *given)
{
    if (given == NULL)
        given = getenv("RELAYER_SOCKET");
    if (given != NULL && given[0] != '\0')
        return socket_set(out, given) ? CLI_DONE
                                      : usage_error("the socket's path is longer than %d bytes",
                                                    CLI_SOCKET_MAX - 1);
    if (!socket_of_dev(out))
        (void)socket_set(out, INSTALLED_SOCKET);
    return CLI_DONE;
}

enum { OPTION_FILTER = 256, OPTION_FOR, OPTION_TIMEOUT, OPTION_FROM, OPTION_FOLLOW, OPTION_ALL,
      OPTION_DRY };

static const struct option OPTIONS[] = {{"socket", required_argument, NULL, 's'},
                                        {"param", required_argument, NULL, 'k'},
                                        {"output", required_argument, NULL, 'o'},
                                        {"filter", required_argument, NULL, OPTION_FILTER},
                                        {"for", required_argument, NULL, OPTION_FOR},
                                        {"timeout", required_argument, NULL, OPTION_TIMEOUT},
                                        {"from", required_argument, NULL, OPTION_FROM},
                                        {"follow", no_argument, NULL, OPTION_FOLLOW},
                                        {"all", no_argument, NULL, OPTION_ALL},
                                        {"dry-run", no_argument, NULL, OPTION_DRY},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static enum cli_exit option_take(int letter, struct cli_options *out)
{
    switch (letter) {
    case 'k':
        if (out->params_n == CLI_PARAMS_MAX)
            return usage_error("more than %d parameters", CLI_PARAMS_MAX);
        if (strchr(optarg, '=') == NULL || optarg[0] == '=')
            return usage_error("-k takes key=value, not \"%s\"", optarg);
        out->param[out->params_n++] = optarg;
        return CLI_DONE;
    case 'o':
        return output_parse(optarg, &out->output)
                   ? CLI_DONE
                   : usage_error("-o takes table, json, jsonl or csv, not \"%s\"", optarg);
    case OPTION_FILTER: out->filter = optarg; return CLI_DONE;
    case OPTION_FOR: out->wanted = optarg; return CLI_DONE;
    case OPTION_TIMEOUT:
        return number_parse(optarg, 86400, &out->timeout_s)
                   ? CLI_DONE
                   : usage_error("--timeout takes seconds, 0 to 86400, not \"%s\"", optarg);
    case OPTION_FROM:
        return number_parse(optarg, INT64_MAX, &out->from_seq)
                   ? CLI_DONE
                   : usage_error("--from takes an event's number, not \"%s\"", optarg);
    case OPTION_FOLLOW: out->follow = true; return CLI_DONE;
    case OPTION_ALL: out->all = true; return CLI_DONE;
    case OPTION_DRY: out->dry_run = true; return CLI_DONE;
    default: /* foreign: what getopt says about an unknown option; it has printed it */
        (void)fputs("hint: relayerctl --help\n", stderr);
        return CLI_USAGE;
    }
}

enum cli_exit options_parse(int argc, char **argv, struct cli_options *out, bool *run)
{
    const char *socket = NULL;
    *out = (struct cli_options){.timeout_s = -1, .from_seq = -1};
    *run = true;
    for (int letter; (letter = getopt_long(argc, argv, "s:k:o:h", OPTIONS, NULL)) != -1;) {
        if (letter == 'h') {
            *run = false;
            return fputs(USAGE, stdout) == EOF ? CLI_USAGE : CLI_DONE;
        }
        if (letter == 's') {
            socket = optarg;
            continue;
        }
        enum cli_exit exit = option_take(letter, out);
        if (exit != CLI_DONE)
            return exit;
    }
    for (int i = optind; i < argc; i++) {
        if (out->words_n == CLI_WORDS_MAX)
            return usage_error("too many words, from \"%s\" on", argv[i]);
        out->word[out->words_n++] = argv[i];
    }
    if (out->words_n == 0) {
        (void)fputs(USAGE, stderr);
        return CLI_USAGE;
    }
    if (out->output == OUTPUT_AUTO)
        out->output = isatty(STDOUT_FILENO) ? OUTPUT_TABLE : OUTPUT_JSON;
    return socket_choose(out, socket);
}
