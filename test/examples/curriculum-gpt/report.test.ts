import { describe, expect, it } from 'vitest';
import { renderReport } from '../../../examples/curriculum-gpt/report/page.js';
import type { Report } from '../../../examples/curriculum-gpt/report/report.js';

const steps = Array.from({ length: 200 }, (_, i) => ({
  step: i + 1,
  tokens: (i + 1) * 100,
  loss: 7 - i / 100,
  lengths: [8 + (i % 40), 30],
}));
const run = (name: string, loss: number) => ({
  name,
  description: `The ${name} order.`,
  steps,
  evaluations: [
    { tokens: 0, loss: 6.9 },
    { tokens: 20_000, loss },
  ],
  tokensPerSecond: 5_000,
  waitShare: 0.01,
  trainingMs: 4_000,
});
const report: Report = {
  createdAt: '2026-01-01T00:00:00Z',
  corpus: { source: 'node_modules', documents: 3, byteLength: 1e6, tokens: 5e5, lengths: [8, 9, 16, 17, 48] },
  curriculumRange: { min: 16, max: 48 },
  runs: [
    run('uniform', 4.2),
    {
      ...run('curriculum', 4.1),
      admitted: [
        { step: 1, maxLength: 16 },
        { step: 90, maxLength: 48 },
      ],
    },
  ],
  settings: [{ name: 'Workers', value: '2' }],
  configurations: [{ name: 'curriculum', json: { train_batch_size: 8 } }],
};

describe('renderReport', () => {
  const page = renderReport(report);

  it('needs nothing from elsewhere and runs nothing', () => {
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/https?:|<script|<link|<img|@import|url\(/i);
  });

  it('gives every chart a title, a description and a table of its numbers', () => {
    const charts = page.match(/<svg viewBox="[^"]+" role="img" aria-labelledby="(\S+) (\S+)">/g) ?? [];
    expect(charts).toHaveLength(6);
    for (const chart of charts) {
      const [, title, description] = /labelledby="(\S+) (\S+)"/.exec(chart)!;
      expect(page).toContain(`<title id="${title}">`);
      expect(page).toContain(`<desc id="${description}">`);
    }
    expect(page.match(/<summary>Numbers<\/summary>/g)).toHaveLength(charts.length);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('says which order ended lower, and by how much, whichever it is', () => {
    expect(page).toContain('curriculum ends 0.100 nats below uniform');
    const other = renderReport({ ...report, runs: [run('uniform', 4.0), run('curriculum', 4.1)] });
    expect(other).toContain('uniform ends 0.100 nats below curriculum');
  });

  it('escapes all text', () => {
    const evil = `"><script>alert('x')</script>&`;
    const hostile = renderReport({
      ...report,
      createdAt: evil,
      corpus: { ...report.corpus, source: evil },
      runs: [{ ...run(evil, 4), description: evil }],
      settings: [{ name: evil, value: evil }],
      configurations: [{ name: evil, json: { [evil]: evil } }],
    });
    expect(hostile).not.toContain('<script');
    expect(hostile).toContain('&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;');
  });

  it('counts a length into the bin that ends with it', () => {
    expect(page).toContain('<title>1–8 tokens per sequence: 1</title>');
    expect(page).toContain('<title>9–16 tokens per sequence: 2</title>');
    expect(page).toContain('<title>17–24 tokens per sequence: 1</title>');
  });

  it('draws numbers only', () => {
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
    const empty = renderReport({
      ...report,
      corpus: { ...report.corpus, lengths: [] },
      runs: [{ ...run('uniform', 4), steps: [], evaluations: [], tokensPerSecond: 0, trainingMs: 0 }],
    });
    expect(empty).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('stays small whatever the number of steps', () => {
    const many = Array.from({ length: 5_000 }, (_, i) => ({
      ...steps[i % 200]!,
      step: i + 1,
      tokens: (i + 1) * 100,
    }));
    const large = renderReport({ ...report, runs: [{ ...run('uniform', 4), steps: many }] });
    expect(large.length).toBeLessThan(400_000);
  });
});
