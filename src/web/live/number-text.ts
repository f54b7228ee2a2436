// Numbers as people read them. English grouping whatever the locale, as the rest of the page.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

/** `12,345`. */
export const count = (value: number): string => whole.format(value);

/** `12.3K`; small ones as they are. */
export const rate = (value: number): string => (value < 1_000 ? three.format(value) : compact.format(value));

/** `2.4 %` of a share of 0 … 1. */
export const share = (value: number): string =>
  `${value >= 0.0005 && value < 0.0995 ? (value * 100).toFixed(1) : Math.round(value * 100)} %`;

/** `850 µs`, `12.3 ms`, `1.2 s`. */
export function duration(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`;
  if (ms < 999.5) return `${three.format(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${seconds % 60} s`;
}

/** `14:03:21`. */
export const clock = (at: number): string => new Date(at).toLocaleTimeString('en-GB');

/** `4.12`. */
export const value = (number: number): string => three.format(number);
