import { languageDistance } from 'millrace/analysis';
import { ConfigError } from 'millrace/errors';
import { expect, it } from 'vitest';

const texts = [
  'The quick brown fox jumps over the lazy dog and runs away into the forest.',
  // cspell:disable-next-line
  'Der schnelle braune Fuchs springt über den faulen Hund und läuft in den Wald.',
  '1234 5678',
];
const measure = async (metric: ReturnType<typeof languageDistance>, samples: readonly unknown[]) =>
  Array.from((await metric.measure(samples, { start: 0 } as never)) as number[]);

it('gives the texts of a language the least distance, and a text without letters the greatest', async () => {
  const [english, german, digits] = await measure(languageDistance('en'), texts);
  expect(english).toBeLessThan(0.4);
  expect(german).toBeGreaterThan(english! + 0.2);
  expect(digits).toBe(1);
  const [fromEnglish, fromGerman] = await measure(
    languageDistance('de', { field: 'body' }),
    texts.map((body) => ({ body, text: 'Hello' })),
  );
  expect(fromGerman).toBeLessThan(fromEnglish! - 0.2);
});

it('names the languages that there are', async () => {
  const measuring = measure(languageDistance('english'), texts);
  await expect(measuring).rejects.toThrow(ConfigError);
  await expect(measuring).rejects.toThrow(
    /english is not a language of the detector; its languages are am, ar/,
  );
});
