#include "relayer/api/roles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const NAMES[ROLES_N] = {[ROLE_READ] = "read",
                                           [ROLE_OPERATE] = "operate",
                                           [ROLE_ARBITER] = "arbiter",
                                           [ROLE_ADMIN] = "admin"};

const char *role_name(enum role role)
{
    return NAMES[role];
}

static const struct config_list *list_of(const struct config *config, enum role role)
{
    switch (role) {
    case ROLE_READ:
        return &config->api_read;
    case ROLE_OPERATE:
        return &config->api_operate;
    case ROLE_ARBITER:
        return &config->api_arbiter;
    case ROLE_ADMIN:
        return &config->api_admin;
    }
    return NULL;
}

/* "uid:1000" with the given prefix. */
static bool item_number(const char *item, const char *prefix, unsigned long *out)
{
    size_t n = strlen(prefix);
    if (strncmp(item, prefix, n) != 0 || item[n] < '0' || item[n] > '9')
        return false;
    char *end = NULL;
    errno = 0;
    *out = strtoul(item + n, &end, 10);
    return errno == 0 && *end == '\0' && *out < UINT32_MAX;
}

static bool item_fits(const char *item, const struct lines_peer *peer)
{
    unsigned long number = 0;
    if (strcmp(item, "self") == 0)
        return peer->uid == getuid();
    if (item_number(item, "uid:", &number))
        return peer->uid == (uid_t)number;
    if (!item_number(item, "gid:", &number))
        return false;
    if (peer->gid == (gid_t)number)
        return true;
    for (size_t i = 0; i < peer->groups_n; i++) {
        if (peer->groups[i] == (gid_t)number)
            return true;
    }
    return false;
}

bool roles_check(const struct config *config, struct err *e)
{
    for (int role = 0; role < ROLES_N; role++) {
        const struct config_list *list = list_of(config, (enum role)role);
        for (size_t i = 0; i < list->n; i++) {
            unsigned long number = 0;
            const char *item = list->item[i];
            if (strcmp(item, "self") == 0 || item_number(item, "uid:", &number) ||
                item_number(item, "gid:", &number))
                continue;
            return err_fail(e, ERR_CONFIG_VALUE, "api.%s: \"%s\" is not self, uid:N or gid:N",
                            NAMES[role], item);
        }
    }
    return true;
}

struct roles roles_of(const struct config *config, const struct lines_peer *peer)
{
    struct roles roles = {{false}};
    for (int role = 0; role < ROLES_N; role++) {
        const struct config_list *list = list_of(config, (enum role)role);
        for (size_t i = 0; i < list->n; i++)
            roles.has[role] = roles.has[role] || item_fits(list->item[i], peer);
    }
    roles.has[ROLE_OPERATE] |= roles.has[ROLE_ADMIN];
    roles.has[ROLE_READ] |= roles.has[ROLE_OPERATE] || roles.has[ROLE_ARBITER];
    return roles;
}
