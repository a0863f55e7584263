#include "relayer/store/lease.h"

void lease_take(struct db_script *script, const char *name, const char *owner, bool first)
{
    struct db_stmt *s =
        db_add(script,
               "INSERT INTO lease AS l (name, owner, token, until)"
               " VALUES ($1, $2, 1, now() + make_interval(secs => $3::bigint))"
               " ON CONFLICT (name) DO UPDATE SET owner = $2, until = now() + make_interval(secs "
               "=> $3::bigint),"
               " token = CASE WHEN l.owner = $2 THEN l.token ELSE l.token + 1 END"
               /* A former run of the same instance is dead: its lease need not be waited for. */
               " WHERE l.owner = $2 OR l.until < now()"
               " OR ($4 AND split_part(l.owner, '/', 1) = split_part($2, '/', 1)) RETURNING token",
               DB_ANY);
    db_text(s, name);
    db_text(s, owner);
    db_i64(s, LEASE_S);
    db_bool(s, first);
}

/* $1 name, $2 owner, $3 token: who says that he holds it. */
static void held_bind(struct db_stmt *s, const char *name, const char *owner, int64_t token)
{
    db_text(s, name);
    db_text(s, owner);
    db_i64(s, token);
}

void lease_check(struct db_script *script, const char *name, const char *owner, int64_t token)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE lease SET until = greatest(until, now()) WHERE name = $1"
                               " AND owner = $2 AND token = $3 AND until > now()",
                               1);
    held_bind(s, name, owner, token);
}

void lease_release(struct db_script *script, const char *name, const char *owner, int64_t token)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE lease SET until = least(until, now() - interval '1 second')"
                               " WHERE name = $1 AND owner = $2 AND token = $3",
                               DB_ANY);
    held_bind(s, name, owner, token);
}

void lease_raise(struct db_script *script, const char *name, const char *owner, int64_t token)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE lease SET token = token + 1 WHERE name = $1"
                               " AND owner = $2 AND token = $3 AND until > now()",
                               DB_ANY);
    held_bind(s, name, owner, token);
}

void lease_look(struct db_script *script, const char *name)
{
    struct db_stmt *s =
        db_add(script, "SELECT owner FROM lease WHERE name = $1 AND until > now()", DB_ANY);
    db_text(s, name);
}
