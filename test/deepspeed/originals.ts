import { readFileSync } from 'node:fs';

/** What `test/golden/deepspeed/make.py` recorded from the originals in one file: its cases. */
export function recorded<C>(file: string): readonly C[] {
  return JSON.parse(readFileSync(new URL(`../golden/deepspeed/${file}`, import.meta.url), 'utf8')) as C[];
}
