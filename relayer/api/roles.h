/* Who may do what: the peer's uid and gids against the lists of section [api]. */
#ifndef KUSTODIA_API_ROLES_H
#define KUSTODIA_API_ROLES_H

#include <stdbool.h>

#include "relayer/base/config.h"
#include "relayer/base/err.h"
#include "relayer/net/lines.h"

/* What a method asks for. operate and arbiter include read, admin includes operate. */
enum role { ROLE_READ, ROLE_OPERATE, ROLE_ARBITER, ROLE_ADMIN };
enum { ROLES_N = ROLE_ADMIN + 1 };

struct roles {
    bool has[ROLES_N];
};

/* True if every item of the four lists can be read: "self", "uid:N" or "gid:N". */
bool roles_check(const struct config *config, struct err *e);

struct roles roles_of(const struct config *config, const struct lines_peer *peer);

const char *role_name(enum role role);

#endif
