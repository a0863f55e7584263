// Money as integers. Pesos are BigInt centavos (1e-2), tokens are BigInt units (1e-6, the decimals
// of MXNB); the two meet only through the factor below. A JavaScript number never takes part in
// arithmetic: it appears once on the way in (a JSON number, turned into its text) and once on the
// way out (a JSON number made from the text), and the cap keeps both exact.

export const UNITS_PER_CENTAVO = 10_000n;

// The largest single amount: 999 999 999.99 pesos or 999 999 999.999999 tokens.
export const MAX_CENTAVOS = 99_999_999_999n;
export const MAX_UNITS = 999_999_999_999_999n;

// So many significant digits survive text -> double -> text.
const EXACT_DIGITS = 15;

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

// Juno's mint platform writes amounts as JSON numbers. Throws rather than round.
export function units_to_json_number(value) {
    const text = units_format(value);
    const digits = text.replace(/[-.]/g, '').replace(/^0+|0+$/g, '');
    if (digits.length > EXACT_DIGITS) {
        throw new Error(`${text} cannot be written exactly as a JSON number`);
    }
    return Number(text);
}
