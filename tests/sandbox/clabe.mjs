// CLABE: 18 digits = bank 3 + plaza 3 + account 11 + check digit 1.
// Check digit: weights 3, 7, 1 over the first 17 digits, each product modulo 10, summed;
// the digit is (10 - sum mod 10) mod 10.

export const NVIO_BANK = '710';
const NVIO_PREFIX = '710969';
const WEIGHTS = [3, 7, 1];

export function clabe_check_digit(first17) {
    let sum = 0;
    for (let i = 0; i < 17; i++) {
        sum += (Number(first17[i]) * WEIGHTS[i % 3]) % 10;
    }
    return String((10 - (sum % 10)) % 10);
}

// null when well formed, else the reason in words.
export function clabe_problem(text) {
    if (typeof text !== 'string') return 'must be a string of 18 digits';
    if (!/^[0-9]{18}$/.test(text)) return 'must be exactly 18 digits';
    if (clabe_check_digit(text) !== text[17]) return 'check digit is wrong';
    return null;
}

// The serial-th CLABE (0 .. 99 999 999 999) of this account at NVIO.
export function clabe_make(serial) {
    const first17 = NVIO_PREFIX + String(serial).padStart(11, '0');
    return first17 + clabe_check_digit(first17);
}
