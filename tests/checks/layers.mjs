// Arrows between rooms: an #include must be allowed by the file's row in layers.txt.

import { readFileSync } from 'node:fs';

import { is_product_c, matches, problem } from './source.mjs';

const PACKAGES = {
    uv: /^uv\.h$/,
    pq: /^(libpq-fe|postgres_ext|pg_config)\.h$/,
    curl: /^curl\//,
    jansson: /^jansson/,
    microhttpd: /^microhttpd\.h$/,
    openssl: /^openssl\//,
    secp256k1: /^secp256k1/,
    nettle: /^nettle\//,
    uthash: /^(ut(hash|list|array|string|stack|ringbuffer))\.h$/,
    p11kit: /^p11-kit\//,
    cmocka: /^cmocka\.h$/,
};
// Clocks are the base room's business: time comes into a flow as a field of the fact.
const CLOCK_HEADERS = /^(time|sys\/time)\.h$/;
const CLOCKLESS = /^(abi|relayer\/flows|relayer\/money)\//;

function rows_read() {
    const text = readFileSync(new URL('./layers.txt', import.meta.url), 'utf8');
    return text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#')).map((line) => {
        const [prefix, rooms, packages] = line.split(':').map((part) => part.trim());
        return { prefix, rooms: rooms.split(/\s+/), packages: packages.split(/\s+/) };
    });
}

function row_of(rows, file) {
    const fits = rows.filter((row) => file.startsWith(`${row.prefix}/`) || file.startsWith(`${row.prefix}.`));
    return fits.sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

function own_include_problem(row, file, wanted) {
    const home = file.slice(0, file.lastIndexOf('/') + 1);
    const room = wanted.slice(0, wanted.lastIndexOf('/'));
    const allowed = wanted.startsWith(home) || row.rooms.includes(room) || row.rooms.includes(wanted);
    return allowed ? undefined : `${row.prefix} may not include "${wanted}"`;
}

function package_problem(row, file, wanted) {
    const name = Object.keys(PACKAGES).find((key) => PACKAGES[key].test(wanted));
    if (name !== undefined && !row.packages.includes(name)) {
        return `${row.prefix} may not include <${wanted}>`;
    }
    if (CLOCK_HEADERS.test(wanted) && CLOCKLESS.test(file)) {
        return `${row.prefix} has no clock: <${wanted}>`;
    }
    return undefined;
}

export default {
    name: 'layers',
    rule: 'a room includes only what its row in tests/checks/layers.txt allows',
    run(files) {
        const rows = rows_read();
        const problems = [];
        for (const { file, text } of files.filter((f) => is_product_c(f.file))) {
            const row = row_of(rows, file);
            if (row === undefined) {
                problems.push(problem(file, 1, 'no row of layers.txt covers this file'));
                continue;
            }
            for (const { line, match } of matches(text, /^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)) {
                const [, kind, wanted] = match;
                const found = kind === '"' && wanted.includes('/')
                    ? own_include_problem(row, file, wanted) : package_problem(row, file, wanted);
                if (found !== undefined) {
                    problems.push(problem(file, line, found));
                }
            }
        }
        return problems;
    },
    good: [{ file: 'relayer/engine/a.c', text: '#include "relayer/flows/flow.h"\n#include <uv.h>\n' },
        { file: 'relayer/engine/b.c', text: '#include "keystore/wire.h"\n' }],
    bad: [
        { file: 'relayer/flows/a.c', text: '#include "relayer/store/db.h"\n' },
        { file: 'relayer/flows/b.c', text: '#include <uv.h>\n' },
        { file: 'relayer/flows/c.c', text: '#include <time.h>\n' },
        { file: 'relayer/engine/d.c', text: '#include "keystore/secret.h"\n' },
        { file: 'relayer/api/e.c', text: '#include "relayer/juno/client.h"\n' },
        { file: 'abi/f.c', text: '#include <jansson.h>\n' },
        { file: 'relayer/attic/g.c', text: 'int x;\n' },
    ],
};
