/* What a node's error text means (relayer/chain/verdict.h): any text gets exactly one verdict of the table,
 * whatever its case, and none of them is "accepted". */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/chain/verdict.h"
#include "tests/fuzz/fuzz.h"

static const enum send_verdict all[] = {
    SEND_ACCEPTED, SEND_KNOWN, SEND_NONCE_LOW, SEND_NONCE_HIGH,
    SEND_FEE_LOW,  SEND_FUNDS, SEND_REFUSED,   SEND_UNKNOWN,
};

static void join_check(enum send_verdict verdict)
{
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        enum send_verdict joined = send_verdict_join(verdict, all[i]);

        HOLDS(joined == verdict || joined == all[i]);
        HOLDS(joined == send_verdict_join(all[i], verdict));
    }
    HOLDS(send_verdict_join(verdict, SEND_ACCEPTED) == SEND_ACCEPTED);
    /* A refusal by one node never hides what may have happened at another. */
    HOLDS(send_verdict_join(verdict, SEND_REFUSED) == verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const int64_t codes[] = {0, 3, -32000, -32003, -32005, -32603, INT64_MIN, INT64_MAX};
    char *text = fuzz_text(data, n), *upper = fuzz_text(data, n);

    for (size_t i = 0; i < n; i++)
        upper[i] = (char)toupper((unsigned char)upper[i]);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        enum send_verdict send = send_verdict_of(codes[i], text);
        enum read_verdict read = read_verdict_of(codes[i], text);

        HOLDS(send > SEND_ACCEPTED && send <= SEND_UNKNOWN);
        HOLDS(send == send_verdict_of(codes[i], upper));
        HOLDS(send_verdict_name(send)[0] != '\0');
        HOLDS(send == SEND_UNKNOWN || send_text_known(codes[i], text));
        HOLDS(read >= READ_DEFINITE && read <= READ_LIMIT);
        HOLDS(read == read_verdict_of(codes[i], upper));
        join_check(send);
    }
    free(upper);
    free(text);
    return 0;
}
