// K13 of the defects of the system before: the end of custody was read as a local time, so it moved with the
// server's time zone. That the contract takes seconds alone is in contracts/test/defects/KustodiaDefects.t.sol; that
// nothing in the daemon makes seconds of a calendar time is in contracts/tools/test/defects.test.mjs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { readFileSync } from 'node:fs';
import { Interface, id } from 'ethers';
import { ask, hexArgument as bare } from './oracle.mjs';

const ZONES = ['UTC', 'America/Mexico_City', 'Pacific/Kiritimati'];
const END_S = 1_800_259_200; // 2027-01-18 08:00 UTC
const escrow = new Interface(JSON.parse(readFileSync(
    new URL('../../abi/json/KustodiaEscrow.json', import.meta.url), 'utf8',
)).abi);

function in_zone(zone, run) {
    const before = process.env.TZ;
    process.env.TZ = zone;
    try {
        return run();
    } finally {
        if (before === undefined) delete process.env.TZ;
        else process.env.TZ = before;
    }
}

/** The old way: a text without zone, read by a server that stands somewhere. */
function old_end(zone) {
    const program = "process.stdout.write(String(Date.parse('2027-01-18T08:00:00') / 1000))";
    const run = spawnSync(process.execPath, ['-e', program], { env: { ...process.env, TZ: zone }, encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    return Number(run.stdout);
}

/** What the C bindings make of one create: its calldata, and the end they read in it. */
function our_create(zone) {
    const data = escrow.encodeFunctionData('create', [[id('payment'), 1_500_000_000n, END_S, false, id('terms')]]);
    const [answer] = in_zone(zone, () => ask([['escrow-call', bare(data)]]));
    return { copy: answer.copy, end: Number(answer.terms0.split(',')[2]), data: bare(data) };
}

test('K13: the old reading of a time moves with the zone', () => {
    const [utc, mexico] = ZONES.map(old_end);
    assert.equal(utc, END_S);
    assert.equal(mexico - utc, 6 * 3600);
});

test('K13: the end of custody that reaches the contract is the same second in every zone', () => {
    for (const zone of ZONES) {
        const { copy, end, data } = our_create(zone);
        assert.equal(end, END_S, zone);
        assert.equal(copy, data, zone);
    }
});
