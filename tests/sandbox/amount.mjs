// Money as integers. Pesos are BigInt centavos (1e-2), tokens are BigInt units (1e-6, the decimals
// of MXNB); the two meet only through the factor below. A JavaScript number never takes part in
// arithmetic: it appears once on the way in (a JSON number, turned into its text) and once on the
// way out (a JSON number made from the text), and the cap keeps both exact.

export const UNITS_PER_CENTAVO = 10_000n;

// 15 significant digits survive text -> double -> text, so this is the largest amount that may be
// written as a JSON number without a doubt: 9 999 999 999 999.99 pesos.
export const MAX_CENTAVOS = 999_999_999_999_999n;
// Same rule for six decimals: 999 999 999.999999 tokens.
export const MAX_UNITS = 999_999_999_999_999n;

const DECIMAL = /^(0|[1-9][0-9]{0,12})(?:\.([0-9]{1,2}))?$/;

// Text of a decimal with at most two decimals -> BigInt centavos, or null. No sign, no exponent, no
// leading zeros, no spaces.
export function centavos_parse(text) {
    const match = DECIMAL.exec(text);
    if (match === null) return null;
    const cents = (match[2] ?? '').padEnd(2, '0');
    return BigInt(match[1]) * 100n + BigInt(cents);
}

function scaled_format(value, decimals, least_decimals) {
    const sign = value < 0n ? '-' : '';
    const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, '0');
    const whole = digits.slice(0, -decimals);
    let fraction = digits.slice(-decimals);
    while (fraction.length > least_decimals && fraction.endsWith('0')) {
        fraction = fraction.slice(0, -1);
    }
    return `${sign}${whole}.${fraction}`;
}

// 12345n -> "123.45"
export function centavos_format(value) {
    return scaled_format(value, 2, 2);
}

// 123450000n -> "123.45"; 123450001n -> "123.450001"
export function units_format(value) {
    return scaled_format(value, 6, 2);
}

// Juno's mint platform writes amounts as JSON numbers. Exact below MAX_UNITS, see above.
export function units_to_json_number(value) {
    if (value > MAX_UNITS || value < -MAX_UNITS) {
        throw new Error(`${units_format(value)} cannot be written exactly as a JSON number`);
    }
    return Number(units_format(value));
}
