#include "relayer/base/fault.h"

#ifdef KUSTODIA_FAULTS

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"

static const struct {
    const char *name;
    const char *where;
} fault_table[] = {
#define X(name, where) {#name, where},
#include "relayer/base/fault.def"
#undef X
};

/* Which fault is armed, and how many more times it may pass; read from the environment once. */
static struct {
    bool read;
    bool armed;
    enum fault fault;
    unsigned long left;
} fault_state;

static void fault_read(void)
{
    fault_state.read = true;
    const char *text = getenv("KUSTODIA_FAULT");
    if (text == NULL || text[0] == '\0')
        return;
    const char *colon = strchr(text, ':');
    size_t name_n = colon == NULL ? strlen(text) : (size_t)(colon - text);
    fault_state.left = 1;
    if (colon != NULL) {
        char *end = NULL;
        fault_state.left = strtoul(colon + 1, &end, 10);
        CHECK(end != colon + 1 && *end == '\0' && fault_state.left > 0);
    }
    for (int i = 0; i < FAULTS; i++) {
        if (strlen(fault_table[i].name) == name_n &&
            memcmp(fault_table[i].name, text, name_n) == 0) {
            fault_state.armed = true;
            fault_state.fault = (enum fault)i;
            return;
        }
    }
    CHECK(!"KUSTODIA_FAULT names a fault point of fault.def");
}

void fault_hit(enum fault fault)
{
    if (!fault_state.read)
        fault_read();
    if (!fault_state.armed || fault_state.fault != fault)
        return;
    fault_state.left--;
    if (fault_state.left == 0)
        (void)raise(SIGKILL);
}

int fault_list(FILE *out)
{
    for (int i = 0; i < FAULTS; i++)
        (void)fprintf(out, "%s\t%s\n", fault_table[i].name, fault_table[i].where);
    return FAULTS;
}

#else

int fault_list(FILE *out)
{
    (void)out;
    return 0;
}

#endif
