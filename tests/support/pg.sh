#!/bin/sh
# A private PostgreSQL for tests: own folder below the system's temporary folder, unix socket only.
#
#   pg.sh run COMMAND [ARGUMENT ...]   starts one, runs the command, stops and removes it; the command's status
#   pg.sh start                        starts one and prints its folder, which is PGHOST
#   pg.sh stop FOLDER                  stops and removes it
#
# The command finds PGHOST, PGUSER=postgres (superuser), PGDATABASE=postgres, and KUSTODIA_PG_DATA and
# KUSTODIA_PG_START (a command line that starts the server again) for tests that kill it.
# PostgreSQL refuses root: then it runs under the package's account "postgres".
set -eu

bin_folder() {
    for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -n -r); do
        if [ -x "$folder/initdb" ]; then
            echo "$folder"
            return
        fi
    done
    echo "pg.sh: no PostgreSQL server found below /usr/lib/postgresql; ./dev setup installs it" >&2
    exit 1
}

BIN=$(bin_folder)
AS=""
if [ "$(id -u)" = 0 ]; then
    AS="setpriv --reuid=postgres --regid=postgres --clear-groups --"
fi

server_start() {
    (cd / && $AS "$BIN/pg_ctl" -s -w -t 30 -D "$1/data" -l "$1/log" start) </dev/null >/dev/null || {
        echo "pg.sh: PostgreSQL did not start; the end of $1/log:" >&2
        tail -n 5 "$1/log" >&2
        exit 1
    }
}

cluster_start() {
    folder=$(mktemp -d "${TMPDIR:-/tmp}/kustodia-pg-XXXXXX")
    if [ -n "$AS" ]; then
        chown postgres: "$folder"
    fi
    (cd / && $AS "$BIN/initdb" -D "$folder/data" --no-sync --auth=trust --encoding=UTF8 \
        --locale=C.UTF-8 --username=postgres) >"$folder/initdb.log" 2>&1 || {
        echo "pg.sh: initdb failed:" >&2
        tail -n 5 "$folder/initdb.log" >&2
        exit 1
    }
    $AS sh -c "cat >>'$folder/data/postgresql.conf'" <<SETTINGS
listen_addresses = ''
unix_socket_directories = '$folder'
max_connections = 150
shared_buffers = 128MB
max_wal_size = 2GB
timezone = 'UTC'
SETTINGS
    server_start "$folder"
    echo "$folder"
}

cluster_stop() {
    case "$1" in
    */kustodia-pg-*) ;;
    *)
        echo "pg.sh: $1 is no folder of mine" >&2
        exit 2
        ;;
    esac
    (cd / && $AS "$BIN/pg_ctl" -s -m immediate -D "$1/data" stop) >/dev/null 2>&1 || true
    rm -rf "$1"
}

case "${1:-}" in
run)
    shift
    folder=$(cluster_start)
    trap 'cluster_stop "$folder"' EXIT
    trap 'exit 130' INT TERM
    export PGHOST="$folder" PGUSER=postgres PGDATABASE=postgres KUSTODIA_PG_DATA="$folder/data"
    export KUSTODIA_PG_START="$0 again $folder"
    status=0
    "$@" || status=$?
    exit "$status"
    ;;
start)
    cluster_start
    ;;
again)
    server_start "$2"
    ;;
stop)
    cluster_stop "$2"
    ;;
*)
    echo "usage: pg.sh run COMMAND [ARGUMENT ...] | start | stop FOLDER" >&2
    exit 2
    ;;
esac
