// Replacing who holds a role, as docs/how-to/change-roles.md says: the daemon is paused by a person, stays so
// while old and new stand beside each other, and goes on when chain and settings say the same again.

import { randomUUID } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { getAddress, id } from 'ethers';

import { binary } from '../support/env.mjs';
import { check, check_equal, check_refused, with_env } from './bed.mjs';
import { SOON, STEP_MS, STRANGER, admin_calls, admin_moves, open_alarms, resume } from './contract_bed.mjs';

const DAY_S = 24 * 3600;

/** A person pauses first: his reason stays, whatever the check finds meanwhile. */
async function pause(env, reason) {
    await env.rpc('system.pause', { reason, idempotency_key: randomUUID() });
}

/** The one difference there may be just now. */
async function differs_only_in(env, what, found) {
    const status = await env.wait_for(async () => {
        const answer = await env.rpc('system.status');
        return answer.contracts.verdict === 'changed' && answer.contracts.differences[0].found === found && answer;
    }, STEP_MS, `${what} being ${found}`);
    check_equal(status.contracts.differences.map((item) => item.what), [what], 'what differs');
    check(status.paused, 'not paused');
    await check_refused(resume(env), 'chain.contract_changed', 'resuming half-way');
}

async function goes_on(env) {
    await env.wait_for(async () => (await env.rpc('system.status')).contracts.verdict === 'as recorded'
        && (await open_alarms(env, 'contract_changed')).length === 0, STEP_MS, 'chain and settings saying the same');
    check((await env.rpc('system.status')).paused, 'resumed by itself');
    await resume(env);
    check(!(await env.rpc('system.status')).paused, 'still paused');
}

function key_make(env) {
    const keytool = binary('relayer-keytool');
    const [keyfile, password] = ['new-arbiter.json', 'new-arbiter.password'].map((name) => path.join(env.home, name));
    writeFileSync(password, `${randomUUID()}\n`, { mode: 0o600 });
    execFileSync(keytool, ['new', '--light', '--password-file', password, '--out', keyfile], { stdio: 'pipe' });
    const shown = execFileSync(keytool, ['address', '--key', keyfile], { encoding: 'utf8' });
    return { keyfile, password, address: getAddress(/0x[0-9a-fA-F]{40}/.exec(shown)[0]) };
}

/** Its record is of the keys it was begun with: other keys, another record. */
function signer_takes(env, key) {
    const { arbiter } = env.ground;
    const text = readFileSync(env.signer_config, 'utf8').replace(arbiter.keyfile, key.keyfile)
        .replace(arbiter.password_file, key.password).replace('signer.record', 'signer-2.record');
    check(text.includes(key.keyfile) && text.includes(key.password), 'the signer\'s settings name no arbiter key');
    writeFileSync(env.signer_config, text);
}

/** A dispute is open when the arbiter's key is replaced: the new key decides it. */
async function arbiter_replaced(ground) {
    await with_env(ground, 'roles-arbiter', async ({ env, story }) => {
        await story.beneficiaries(['Seller', 'Buyer']);
        await story.payer('ana');
        const order = await story.create({
            payer: 'ana', seller: 'Seller', buyer: 'Buyer', amount: '2000.00', custody_seconds: 5 * DAY_S,
        });
        story.expect(order, 'reverted');
        await story.pay(order);
        await story.reach(order, 'in_custody');
        await story.dispute(order, 'buyer', 'not what was agreed');
        await story.reach(order, 'disputed');

        const key = key_make(env);
        const old = getAddress(ground.arbiter.address);
        await ground.node('anvil_setBalance', [key.address, '0xde0b6b3a7640000']);
        await pause(env, 'replacing the arbiter');
        await admin_calls(env, 'grantRole', [id('ARBITER'), key.address]);
        await differs_only_in(env, 'role_holder', `ARBITER ${key.address}`);
        signer_takes(env, key);
        await env.daemon_stop();
        await env.daemon_start();
        await differs_only_in(env, 'role_holder', `ARBITER ${old}`);
        await admin_calls(env, 'revokeRole', [id('ARBITER'), old]);
        await goes_on(env);

        await story.resolve(order, 'approved', 'the buyer is right');
        await story.reach(order, 'completed');
        const differences = await story.differences();
        check(differences.length === 0, differences.join('; '));
    }, { settings: SOON });
}

async function guardian_replaced(ground) {
    await with_env(ground, 'roles-guardian', async ({ env }) => {
        const old = getAddress(env.contracts.guardian);
        await pause(env, 'replacing the guardian');
        await admin_calls(env, 'grantRole', [id('GUARDIAN'), STRANGER]);
        await differs_only_in(env, 'role_holder', `GUARDIAN ${STRANGER}`);
        env.settings['chain.guardian'] = STRANGER;
        await env.daemon_stop();
        await env.daemon_start();
        await differs_only_in(env, 'role_holder', `GUARDIAN ${old}`);
        await admin_calls(env, 'revokeRole', [id('GUARDIAN'), old]);
        await goes_on(env);
    }, { settings: { ...SOON } });
}

async function admin_replaced(ground) {
    await with_env(ground, 'roles-admin', async ({ env }) => {
        const { admin, guardian } = env.contracts;
        await pause(env, 'handing the admin role over');
        await admin_moves(env, admin, guardian);
        await differs_only_in(env, 'admin', getAddress(guardian));
        env.settings['chain.admin'] = guardian;
        await env.daemon_stop();
        await env.daemon_start();
        await goes_on(env);
    }, { settings: { ...SOON } });
}

export const scenarios = [
    { name: 'contract: the arbiter is replaced', run: arbiter_replaced },
    { name: 'contract: the guardian is replaced', run: guardian_replaced },
    { name: 'contract: the admin role is handed over', run: admin_replaced },
];
