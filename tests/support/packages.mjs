// Is what a package-lock.json names installed, each in exactly that version? Exit 0 when so.
// Packages for other machines (os, cpu) are optional in the lockfile and not expected here.
//   node packages.mjs FOLDER

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const NAMED_MAX = 5;

function wanted_here(entry) {
    const fits = (list, value) => list === undefined || list.includes(value)
        || (list.every((item) => item.startsWith('!')) && !list.includes(`!${value}`));
    return fits(entry.os, process.platform) && fits(entry.cpu, process.arch)
        && (entry.libc === undefined || entry.libc.includes('glibc'));
}

const folder = process.argv[2];
const lock = JSON.parse(readFileSync(path.join(folder, 'package-lock.json'), 'utf8'));
const wrong = [];
for (const [place, entry] of Object.entries(lock.packages)) {
    // An optional package without a platform may be left out by npm for reasons of its own.
    if (place === '' || !wanted_here(entry) || (entry.optional && !entry.os) || entry.peer) {
        continue;
    }
    const manifest = path.join(folder, place, 'package.json');
    if (!existsSync(manifest) || JSON.parse(readFileSync(manifest, 'utf8')).version !== entry.version) {
        wrong.push(`${place.replace(/^node_modules\//, '')}@${entry.version}`);
    }
}
if (wrong.length > 0) {
    const named = wrong.slice(0, NAMED_MAX).join(', ');
    const more = wrong.length > NAMED_MAX ? ` and ${wrong.length - NAMED_MAX} more` : '';
    console.log(`${path.basename(folder)}: not installed: ${named}${more}`);
    process.exitCode = 1;
}
