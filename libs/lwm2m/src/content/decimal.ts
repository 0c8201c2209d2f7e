/** Exact integers: out of decimal text and decimal fractions, as a number where that is safe, else as a bigint. */

/** More decimal places than any 64-bit integer has; beyond them a double is what is meant. */
const MAX_EXPONENT = 40;

/** The same integer as a number if no digit is lost, else as it is. */
export function smallestInteger(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** mantissa · 10^exponent: exact where it is an integer of moderate size, else the nearest double. */
export function fromDecimal(mantissa: number | bigint, exponent: number): number | bigint {
  const digits = BigInt(mantissa);
  if (exponent >= 0 && exponent <= MAX_EXPONENT) return smallestInteger(digits * 10n ** BigInt(exponent));
  if (exponent < 0 && exponent >= -MAX_EXPONENT) {
    const scale = 10n ** BigInt(-exponent);
    if (digits % scale === 0n) return smallestInteger(digits / scale);
  }
  return Number(`${digits}e${exponent}`);
}

/** Value of a JSON number literal: exact where it is an integer of moderate size, else the nearest double. */
export function fromLiteral(literal: string): number | bigint {
  const match = /^(-?\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/.exec(literal);
  if (match === null || literal.length > 400) return Number(literal);
  const fraction = match[2] ?? '';
  const exact = fromDecimal(BigInt(match[1]! + fraction), Number(match[3] ?? 0) - fraction.length);
  return typeof exact === 'bigint' && BigInt.asIntN(66, exact) !== exact ? Number(literal) : exact;
}
