// What each call of the escrow costs, beside other escrows of its kind. Prints one JSON object per line. Run by
// ./dev bench gas.
//
// Ours is measured in this run on TestMXNB (contracts/test/gas). The others' figures were taken earlier, with
// the same method (a transaction per call, base fee and calldata included, steady state), on the real
// FiatTokenV2_2 behind its proxy; a row says so. gas.token_transfer compares the two tokens: that one is cheaper by
// 458 gas a transfer.

import { gas_measure } from '../../contracts/tools/gas.mjs';
import { run } from '../../contracts/tools/forge.mjs';
import { row_print } from './parts/measure.mjs';

const EARLIER = '(earlier figure, FiatTokenV2_2)';
const COMMERCE = `commerce-payments ${EARLIER}`;
const KUSTODIA = `Kustodia V2 ${EARLIER}`;
const CIRCLE = `Circle RefundProtocol ${EARLIER}`;

// [name of the row, our figure, how many escrows it is for, against, its figure]
const ROWS = [
    ['token_transfer', 'tokenTransfer', 1, `bare transfer ${EARLIER}`, 44_867],
    ['create', 'create', 1, 'most', 95_000],
    ['create.commerce', 'create', 1, `authorize + preApprove, ${COMMERCE}`, 103_666 + 55_326],
    ['create.commerce_alone', 'create', 1, `authorize without its preApprove, ${COMMERCE}`, 103_666],
    ['create.kustodia', 'create', 1, `create + fund, ${KUSTODIA}`, 227_328 + 98_308],
    ['create.circle', 'create', 1, `pay, ${CIRCLE}`, 164_898],
    ['create_signed.commerce', 'createWithAuthorization', 1, `authorize by ERC-3009, ${COMMERCE}`, 143_393],
    ['create_many10', 'createMany10', 10, 'one create in its own transaction', undefined],
    ['create_many100', 'createMany100', 100, 'most', 31_000],
    ['release', 'release', 1, 'most', 67_000],
    ['release.commerce', 'release', 1, `capture without fee, ${COMMERCE}`, 67_615],
    ['release.kustodia', 'release', 1, `release, ${KUSTODIA}`, 75_049],
    ['release.circle', 'release', 1, `withdraw one, ${CIRCLE}`, 98_075],
    ['release_many10.circle', 'releaseMany10', 10, `withdraw ten, ${CIRCLE}`, 40_020],
    ['release_many100', 'releaseMany100', 100, 'most', 11_000],
    ['release_early', 'releaseEarly', 1, 'most, as release', 67_000],
    ['refund_expired.commerce', 'refundExpired', 1, `reclaim, ${COMMERCE}`, 65_201],
    ['resolve_revert', 'resolveRevert', 1, 'most', 69_000],
    ['resolve_revert.commerce', 'resolveRevert', 1, `void, ${COMMERCE}`, 65_133],
    ['resolve_revert.kustodia', 'resolveRevert', 1, `cancel, ${KUSTODIA}`, 73_196],
    ['resolve_revert.circle', 'resolveRevert', 1, `refund, ${CIRCLE}`, 92_377],
    ['resolve_split', 'resolveSplit', 1, 'earlier full prototype, FiatTokenV2_2', 79_439],
    ['dispute', 'dispute', 1, 'most', 35_000],
    ['dispute.kustodia', 'dispute', 1, `dispute, ${KUSTODIA}`, 41_915],
    ['hold', 'hold', 1, 'most, as dispute', 35_000],
    ['dismiss', 'dismiss', 1, 'most, as dispute', 35_000],
];

const built = run(process.execPath, ['tools/export.mjs', '--check']);
if (built.status !== 0) {
    throw new Error(`the exported contracts are not those of the sources\n${built.stderr}`);
}
const figures = new Map(gas_measure().map(({ name, gas }) => [name, gas]));
for (const [name, figure, escrows, against, value] of ROWS) {
    const each = figures.get(figure) / escrows;
    row_print(`gas.${name}`, 'gas', [each], against, value ?? figures.get('create'));
}
