import { ConfigError } from '../../core/errors.js';
import { importPeer } from '../../core/peer.js';
import { ownValue } from '../../core/record.js';
import type { Metric } from './metric.js';
import { fieldOf } from './sample-parts.js';

/**
 * How far each text is from a language: 1 − the score that the detector of the package `eld` gives the language, from 0 to 1. A text
 * without letters has the distance 1. Save it as a module, as for `servedLoss`.
 *
 * ```ts
 * // english.ts
 * export default languageDistance('en');
 * ```
 *
 * @param language - Code of ISO 639-1, one of the 60 that the detector knows.
 * @param options - `field`: the column of the text; by default `text`, `content` or `document`.
 * @returns The metric `languagedistance-<language>`, in thousandths. Measuring throws {@link MissingPeerError} without the package
 *   `eld`, {@link ConfigError} for a language that it does not know, {@link FormatError} for a sample without text.
 */
export function languageDistance(language: string, { field }: { readonly field?: string } = {}): Metric {
  let detector: Promise<(text: string) => number> | undefined;
  return {
    name: `languagedistance-${language}`,
    description: `distance from the language ${language}`,
    unit: '1/1,000',
    scale: 1_000,
    async measure(samples, { start }) {
      detector ??= loadDetector(language);
      const scoreOf = await detector;
      return samples.map((sample, k) => 1 - scoreOf(fieldOf(sample, field, start + k)));
    },
  };
}

async function loadDetector(language: string): Promise<(text: string) => number> {
  const { eld } = await importPeer<typeof import('eld/small')>('eld/small', 'The detection of languages');
  const known = Object.values(eld.info().Languages);
  if (!known.includes(language)) {
    const message = `${language} is not a language of the detector; its languages are ${known.join(', ')}`;
    throw new ConfigError('languageDistance', [{ field: 'language', message }]);
  }
  return (text) => ownValue(eld.detect(text).getScores(), language) ?? 0;
}
