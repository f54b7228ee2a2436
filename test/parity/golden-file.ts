import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TorchGenerator } from 'millrace/random';
import { expect, it } from 'vitest';

const ownFolder = fileURLToPath(new URL('../golden', import.meta.url));

/** The folder of the vectors: `MILLRACE_GOLDEN`, or those of this repository. */
export const goldenFolder = process.env.MILLRACE_GOLDEN || ownFolder;

/** The programs that made a file of vectors. */
export interface Versions {
  readonly torch: string;
  readonly numpy: string;
  readonly python: string;
  readonly deepspeed: string;
}

interface GoldenFile<C> {
  readonly versions: Versions;
  readonly cases: readonly C[];
}

/** The exception with which a case ended in the original. */
export interface RecordedError {
  readonly type: string;
  readonly message: string;
}

/** Which of the two releases that the generators know made the vectors. */
export function torchRelease({ torch }: Versions): TorchGenerator['release'] {
  return torch.startsWith('1.') ? '1.13' : '2.13';
}

/** The cases of a file. */
export function loadCases<C>(file: string): readonly C[] {
  return (JSON.parse(readFileSync(join(goldenFolder, file), 'utf8')) as GoldenFile<C>).cases;
}

/** Compares Millrace with what one case recorded; throws where they differ. */
export type CheckCase<C> = (recorded: C, versions: Versions) => void | Promise<void>;

/**
 * One test for one file of vectors: every case of it must pass, and in this repository's own folder there must be `count`
 * of them. All cases that fail are named.
 */
export function testEveryCase<C>(file: string, count: number, check: CheckCase<C>): void {
  it(`${file}: every case`, async () => {
    const { versions, cases } = JSON.parse(readFileSync(join(goldenFolder, file), 'utf8')) as GoldenFile<C>;
    if (goldenFolder === ownFolder) expect(cases).toHaveLength(count);
    expect(cases.length, `${file} has no case`).toBeGreaterThan(0);
    const failures: string[] = [];
    for (const [i, recorded] of cases.entries()) {
      try {
        await check(recorded, versions);
      } catch (error) {
        failures.push(`case ${i} ${summaryOf(recorded)}\n    ${(error as Error).message}`);
      }
    }
    console.log(`${file}: ${cases.length - failures.length} of ${cases.length} cases equal`);
    expect(failures.join('\n'), `${failures.length} of ${cases.length} cases differ`).toBe('');
  });
}

/** The check for the kind of a case. @throws for a kind without a check. */
export function checkByKind<C extends { readonly kind: string }>(
  checks: Record<string, CheckCase<C>>,
): CheckCase<C> {
  return (recorded, versions) => {
    const check = checks[recorded.kind];
    if (!check) throw new Error(`Nothing here checks cases of the kind ${recorded.kind}`);
    return check(recorded, versions);
  };
}

/** What of a case tells it apart, in a line. */
function summaryOf(recorded: unknown): string {
  const short = Object.entries(recorded as object).filter(([, value]) => typeof value !== 'object');
  return JSON.stringify(Object.fromEntries(short)).slice(0, 240);
}
