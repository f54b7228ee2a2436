import fc from 'fast-check';
import { ConfigError, FormatError, StorageError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { shownLocation, withoutSecrets } from '../../dist/core/shown-location.js';

/** What may stand in a URL as it is, and is not part of any other text of these tests. */
const secret = fc.stringMatching(/^SECRET[A-Za-z0-9_.~%-]{1,20}$/);

describe('locations in messages', () => {
  it('show no user, password, value of a query or fragment, whatever the URL', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('http', 'https', 'ftp', 'redis', 's3', 'HTTP'),
        fc.tuple(secret, secret, secret, secret),
        fc.constantFrom('host', 'host:8080', '[::1]:80', 'ho st', 'a.b.example'),
        fc.constantFrom('', '/', '/data/part one.jsonl', '/@scope/x.gz'),
        (scheme, [user, password, value, fragment], host, path) => {
          const mark = scheme === 's3' ? '' : `#${fragment}`;
          const url = `${scheme}://${user}:${password}@${host}${path}?sig=${value}&X-Amz-Token=${value}${mark}`;
          const shown = shownLocation(url);
          // In a text a space ends a URL.
          const inText = url.replaceAll(' ', '%20');
          const error = new StorageError(`Cannot read ${inText}`, {
            where: { url, n: 1 },
            next: `Open ${inText}.`,
          });
          const config = new ConfigError('Options', [{ field: 'files', message: `has ${inText}` }]);
          error.addLocation({ file: url });
          for (const text of [shown, error.message, JSON.stringify(error.where), config.problems[0]!.message])
            expect(text).not.toContain('SECRET');
          expect(shown.startsWith(`${scheme}://${host}${path}?sig=…&X-Amz-Token=…`)).toBe(true);
          expect(shownLocation(shown)).toBe(shown);
        },
      ),
    );
  });

  it.each([
    ['data/a?b=c.jsonl', 'data/a?b=c.jsonl'],
    ['C:\\data\\x', 'C:\\data\\x'],
    ['https://host/a/b.parquet', 'https://host/a/b.parquet'],
    ['https://host/x?token', 'https://host/x?…'],
    ['https://host/x?a=1&SECRET&b=', 'https://host/x?a=…&…&b=…'],
    ['http://user:pa/ss@host/x', 'http://host/x'],
    ['s3://bucket/what?.jsonl', 's3://bucket/what?.jsonl'],
    ['s3://bucket/a#b/part-*.parquet', 's3://bucket/a#b/part-*.parquet'],
    ['s3://AKIA:sec/ret@bucket/key', 's3://bucket/key'],
    ['hf://datasets/user/name@main/data/*.parquet', 'hf://datasets/user/name@main/data/*.parquet'],
    ['file:///tmp/x', 'file:///tmp/x'],
  ])('%s is shown as %s', (location, shown) => expect(shownLocation(location)).toBe(shown));

  it('are found in the midst of a text, which stays as it is', () => {
    expect(withoutSecrets('Copy http://u:p@h/x?k=v, then (see https://docs.example/a) go on.')).toBe(
      'Copy http://h/x?k=…, then (see https://docs.example/a) go on.',
    );
    const error = new FormatError('Row 1 is not text', { where: { file: 'http://h/x?k=v', row: 1 } });
    expect(error.message).toBe('Row 1 is not text (file http://h/x?k=…, row 1).');
  });
});
