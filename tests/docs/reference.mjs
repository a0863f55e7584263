// Reference pages made from the programs: node tests/docs/reference.mjs --write makes them again.
//
//   docs/reference/api.md       relayerd --print-api
//   docs/reference/settings.md  relayerd --describe
//   docs/reference/errors.md    relayer/base/err.def, keystore/refusal.def

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const RELAYERD = path.resolve(ROOT, process.env.KUSTODIA_BUILD ?? 'build/dev', 'bin/relayerd');

const ask = (option) => execFileSync(RELAYERD, [option], { encoding: 'utf8' });
const source = (name) => readFileSync(path.join(ROOT, name), 'utf8');

function settings_page() {
    return `# Settings of relayerd

Made from \`relayerd --describe\`: every setting with its meaning and default. A value comes from, weakest first: the
default, the INI file (\`--config FILE\`), the environment variable named here, \`--set section.key=value\`. Unknown and
repeated keys are errors. \`--check-config\` says what is wrong; \`--print-config\` prints each value in force and where it is
from, secrets only as set or not. \`environment = live\` counts only in the file and only with chain id 42161; then no secret
comes from the environment or the command line. Settings are read at start only. The signer has a file of its own:
[keystore/FORMAT.md](../../keystore/FORMAT.md).

\`\`\`ini
${ask('--describe').trimEnd()}
\`\`\`
`;
}

const joined = (text) => [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, part]) => part).join('')
    .replace(/\\(.)/g, '$1');

/** X(NAME, number, "type", retryable, OUTCOME_X, "hint" "hint"), as the compiler reads it. */
export function errors_of(text) {
    const rows = text.matchAll(
        /^X\((\w+), (-?\d+), "([\w.]+)", (true|false), OUTCOME_(\w+),\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)/gm);
    return [...rows].map(([, name, number, type, retryable, outcome, hint]) => ({
        name, number, type, retryable, outcome: outcome.toLowerCase(), hint: joined(hint),
    }));
}

/** X(NAME, number, "slug", "hint") */
export function refusals_of(text) {
    const rows = text.matchAll(/^X\((\w+), (\d+), "(\w+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)/gm);
    return [...rows].map(([, , number, slug, hint]) => ({ number, slug, hint: joined(hint) }));
}

/** Every row of the table must have been understood: a row lost here would be a hole in the page. */
function counted(rows, text, name) {
    const there = [...text.matchAll(/^X\(/gm)].length;
    if (rows.length !== there || there === 0) {
        throw new Error(`${name}: ${there} rows, ${rows.length} understood`);
    }
    return rows;
}

const cell = (text) => text.replace(/\|/g, '\\|');

function errors_page() {
    const errors = counted(errors_of(source('relayer/base/err.def')), source('relayer/base/err.def'), 'err.def');
    const refusals = counted(refusals_of(source('keystore/refusal.def')), source('keystore/refusal.def'), 'refusal.def');
    return `# Errors

Made from \`relayer/base/err.def\` and \`keystore/refusal.def\`. An error answer of the API carries \`code\`, \`message\` and
\`data\`: \`type\`, \`retryable\`, \`hint\`, the \`state\` of the thing where there is one, and the \`request_id\` that stands in the
daemon's log. Numbers and types are never used again for something else.

*Did it happen* is the default answer to the question that matters with money. *unknown* never means no: ask again with the
same idempotency key, or look.

| code | type | did it happen | ask again | what to do |
|---|---|---|---|---|
${errors.map((e) => `| ${e.number} | \`${e.type}\` | ${e.outcome.replace('_', ' ')} | ${e.retryable === 'true' ? 'yes' : 'no'} `
    + `| ${cell(e.hint)} |`).join('\n')}

## Refusals of the signer

They arrive as \`signer.refused\` (502) with the signer's own words, and raise the alarm \`signer_refused\`.

| code | slug | what to do |
|---|---|---|
${refusals.map((r) => `| ${r.number} | \`${r.slug}\` | ${cell(r.hint)} |`).join('\n')}
`;
}

const PAGES = {
    'docs/reference/api.md': () => ask('--print-api'),
    'docs/reference/settings.md': settings_page,
    'docs/reference/errors.md': errors_page,
};

/** verdict(name, problems) for each page. */
export function reference_check(verdict) {
    for (const [name, make] of Object.entries(PAGES)) {
        const problems = [];
        try {
            const there = existsSync(path.join(ROOT, name)) ? source(name) : '';
            if (there !== make()) {
                problems.push(`${name} is not what the sources say now: node tests/docs/reference.mjs --write`);
            }
        } catch (error) {
            problems.push(`${name}: ${existsSync(RELAYERD) ? error.message : `${RELAYERD} is not built: ./dev build`}`);
        }
        verdict(`${name} is up to date`, problems);
    }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    if (process.argv[2] !== '--write') {
        console.error('usage: node tests/docs/reference.mjs --write');
        process.exit(3);
    }
    for (const [name, make] of Object.entries(PAGES)) {
        writeFileSync(path.join(ROOT, name), make());
        console.log(name);
    }
}
