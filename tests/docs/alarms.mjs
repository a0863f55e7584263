// Alarms against their pages: every code that the sources raise has a runbook and a row in the reference, and
// every runbook is of a code that is raised, has the same five parts, and names methods and settings that exist.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const RUNBOOKS = 'docs/runbooks';
const REFERENCE = 'docs/reference/alarms.md';
const PARTS = ['What it says', 'How bad', 'Look first', 'What to do', 'When it ends'];
const CODE = /^[a-z]+(_[a-z]+)+$/;
const PASSED_ON = 'code';            // the parameter of a function that raises what its caller names

function files_below(folder, endings) {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const place = path.join(folder, entry.name);
        return entry.isDirectory() ? files_below(place, endings)
            : endings.some((ending) => entry.name.endsWith(ending)) ? [place] : [];
    });
}

/** The arguments of a call whose bracket opens before `at`, as they are written. */
function arguments_of(text, at) {
    const found = [''];
    let depth = 0;
    let quoted = false;
    for (let i = at; i < text.length; i += 1) {
        const c = text[i];
        quoted = c === '"' && text[i - 1] !== '\\' ? !quoted : quoted;
        depth += quoted ? 0 : { '(': 1, ')': -1 }[c] ?? 0;
        if (depth < 0) {
            break;
        }
        if (c === ',' && depth === 0 && !quoted) {
            found.push('');
        } else {
            found[found.length - 1] += c;
        }
    }
    return found.map((argument) => argument.trim());
}

/** { codes, problems } of one source text: calls of ..alarm..(where, "code", ...) and inserts into the table. */
export function codes_raised(name, text) {
    const codes = [];
    const problems = [];
    for (const { 1: called, 0: all, index } of text.matchAll(/^[ \t].*?\b(\w*alarm\w*)\(/gm)) {
        const code = arguments_of(text, index + all.length)[1] ?? '';
        const literals = [...code.matchAll(/"([^"]*)"/g)].map(([, literal]) => literal);
        codes.push(...literals);
        if (/^(engine|observed)_alarm$/.test(called) && literals.length === 0 && code !== PASSED_ON) {
            problems.push(`${name}: ${called} raises ${code}: which codes that is cannot be told from here`);
        }
    }
    const whole = text.replace(/"\s*"/g, '');
    codes.push(...[...whole.matchAll(/INSERT INTO alarm\b[^']*?(?:SELECT|VALUES \()\s*'([a-z_]+)'/g)].map(([, code]) => code));
    return { codes: codes.filter((code) => CODE.test(code)), problems };
}

function shape_problems(name, text, code) {
    const title = /^# (.*)\n/.exec(text)?.[1];
    const parts = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    return [
        ...(title === code ? [] : [`${name}: its title is "${title}"`]),
        ...(parts.join('|') === PARTS.join('|') ? [] : [`${name}: its parts are ${parts.join(', ')}; they must be ${PARTS.join(', ')}`]),
        ...(/^## Look first\n+```\nrelayerctl /m.test(text) ? [] : [`${name}: no relayerctl command to look first`]),
    ];
}

/** Names of the form noun.verb in a page that are neither a method nor a setting. */
export function names_problems(name, text, known) {
    const said = [...text.matchAll(/relayerctl (?:-\S+ )*([a-z]+\.[a-z_]+)|`([a-z]+\.[a-z_]+)`/g)].map(([, a, b]) => a ?? b);
    return said.filter((one) => !known.has(one)).map((one) => `${name}: there is no method or setting ${one}`);
}

function names_known(root) {
    const methods = [...readFileSync(path.join(root, 'docs/reference/api.md'), 'utf8').matchAll(/^### ([a-z]+\.[a-z_]+)$/gm)];
    const settings = [...readFileSync(path.join(root, 'relayer/base/config.def'), 'utf8')
        .matchAll(/^[A-Z0-9]+\((\w+), (\w+),/gm)];
    return new Set([...methods.map(([, method]) => method), ...settings.map(([, section, key]) => `${section}.${key}`)]);
}

/** verdict(what, problems), as in run.mjs. */
export function alarms_check(root, verdict) {
    const sources = files_below(path.join(root, 'relayer'), ['.c']).concat(files_below(path.join(root, 'migrations'), ['.sql']))
        .map((file) => codes_raised(path.relative(root, file), readFileSync(file, 'utf8')));
    const raised = [...new Set(sources.flatMap(({ codes }) => codes))].sort();
    verdict('codes of alarms in the sources', [
        ...sources.flatMap(({ problems }) => problems), ...(raised.length > 0 ? [] : ['no source raises an alarm']),
    ]);
    const reference = readFileSync(path.join(root, REFERENCE), 'utf8');
    const index = readFileSync(path.join(root, RUNBOOKS, 'README.md'), 'utf8');
    verdict('every alarm has a runbook and its row', raised.flatMap((code) => [
        ...(existsSync(path.join(root, RUNBOOKS, `${code}.md`)) ? [] : [`${RUNBOOKS}/${code}.md is missing`]),
        ...(new RegExp(`^\\|[^|]*\\[\`${code}\`\\]\\(\\.\\./runbooks/${code}\\.md\\)[^|]*\\|`, 'm').test(reference) ? []
            : [`${REFERENCE} has no row that links ${code}`]),
        ...(index.includes(`[${code}](${code}.md)`) ? [] : [`${RUNBOOKS}/README.md does not link ${code}`]),
    ]));
    const known = names_known(root);
    for (const file of readdirSync(path.join(root, RUNBOOKS)).filter((name) => name !== 'README.md')) {
        const code = file.replace(/\.md$/, '');
        const text = readFileSync(path.join(root, RUNBOOKS, file), 'utf8');
        verdict(`runbook ${file}`, [
            ...(raised.includes(code) ? [] : [`${file}: no source raises ${code}`]),
            ...shape_problems(file, text, code), ...names_problems(file, text, known),
        ]);
    }
}
