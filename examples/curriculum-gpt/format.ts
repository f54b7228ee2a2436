// Formats numbers for the terminal and the report. English grouping in every locale, so that outputs compare.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** `12,345`. */
export const formatCount = (value: number): string => whole.format(value);
/** `12.3K`. */
export const formatCompact = (value: number): string => compact.format(value);
/** `4.193`; a dash if the loss is unknown. */
export const formatLoss = (value: number): string => (Number.isFinite(value) ? value.toFixed(3) : '–');
/** `2.4 %` for a share of 0 … 1. */
export const formatShare = (share: number): string => `${(share * 100).toFixed(1)} %`;
/** `21.2 s`. */
export const formatSeconds = (durationMs: number): string => `${(durationMs / 1_000).toFixed(1)} s`;
/** `2.5 MB`. */
export const formatMegabytes = (byteLength: number): string => `${(byteLength / 1e6).toFixed(1)} MB`;
