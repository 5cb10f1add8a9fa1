/** Numbers as people read them. */

/** US dollars: two digits behind the point, more for what is less than a cent. */
export function dollars(usd: number): string {
  if (usd > 0 && usd < 0.0001) {
    return '< $0.0001';
  }
  return `$${usd.toFixed(usd !== 0 && usd < 0.1 ? 4 : 2)}`;
}

/** A whole number, short from ten thousand on: `9,876`, `12.3k`, `1.2M`. */
export function whole(count: number): string {
  if (count >= 1_000_000) {
    return `${(count / 1_000_000).toFixed(1)}M`;
  }
  return count >= 10_000 ? `${(count / 1000).toFixed(1)}k` : count.toLocaleString('en-US');
}
