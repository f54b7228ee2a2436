// Numbers of the page. English grouping whatever the locale, so that two pages compare.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** `12,345`. */
export const count = (value: number): string => whole.format(value);
/** `12.3K`, for the ticks of an axis. */
export const tick = (value: number): string => short.format(value);
/** `4.193`. */
export const loss = (value: number): string => (Number.isFinite(value) ? value.toFixed(3) : '–');
/** `2.4 %` of a share of 0 … 1. */
export const share = (value: number): string => `${(value * 100).toFixed(1)} %`;
/** `21.2 s`. */
export const seconds = (durationMs: number): string => `${(durationMs / 1_000).toFixed(1)} s`;
/** `2.5 MB`. */
export const megabytes = (byteLength: number): string => `${(byteLength / 1e6).toFixed(1)} MB`;
