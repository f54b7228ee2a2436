// The public surface is what api/ says. `npm run api` writes it; `npm run api -- --check` compares every signature.
// These tests compare the names that the entry points really export.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, string> };
const entries = Object.keys(exports).filter((entry) => entry !== './package.json' && entry !== './worker');
const reports = new Map(entries.map((entry) => [entry, readReport(entry)]));

interface Report {
  readonly values: readonly string[];
  readonly types: readonly string[];
}

function readReport(entry: string): Report {
  const text = readFileSync(`api/${entry === '.' ? 'millrace' : entry.slice(2)}.api.md`, 'utf8');
  const declared = (kinds: string) =>
    [...text.matchAll(new RegExp(`^export (?:abstract )?(?:${kinds}) (\\w+)`, 'gm'))].map(
      ([, name]) => name!,
    );
  const namespaces = [...text.matchAll(/^declare namespace (\w+)/gm)].map(([, name]) => name!);
  const values = new Set([...declared('class|function|const'), ...namespaces]);
  return { values: [...values].sort(), types: declared('interface|type') };
}

describe('the public surface', () => {
  it('has a report for every entry point and no other', () => {
    const files = readdirSync('api').map((file) => file.replace('.api.md', ''));
    expect(files.sort()).toEqual(
      entries.map((entry) => (entry === '.' ? 'millrace' : entry.slice(2))).sort(),
    );
  });

  it.each(entries)('%s exports exactly the values of its report', async (entry) => {
    const module = await import(`millrace${entry.slice(1)}`);
    expect(Object.keys(module).sort()).toEqual(reports.get(entry)!.values);
  });

  it('exports at most 35 values from the main entry point and 300 names in all', () => {
    expect(reports.get('.')!.values.length).toBeLessThanOrEqual(35);
    const names = [...reports.values()].flatMap(({ values, types }) => [...values, ...types]);
    expect(names.length).toBeLessThanOrEqual(300);
  });

  it('exports each name from one entry point', () => {
    const homes = new Map<string, string[]>();
    for (const [entry, { values, types }] of reports)
      for (const name of [...values, ...types]) homes.set(name, [...(homes.get(name) ?? []), entry]);
    expect([...homes].filter(([, found]) => found.length > 1)).toEqual([]);
  });
});
