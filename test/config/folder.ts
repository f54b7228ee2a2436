import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IndexedDatasetBuilder } from 'millrace/formats';

const entry = (room: string) => new URL(`../../dist/${room}index.js`, import.meta.url).href;

/** A folder of configurations, with data next to them. */
export class ConfigFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'millrace-config-'));

  /** A module whose default export is the expression; `M` is Millrace, `defineConfig` is from `millrace/config`. */
  module(name: string, expression: string): string {
    return this.file(
      name,
      `import * as M from '${entry('')}';\nimport { defineConfig } from '${entry('config/')}';\nexport default ${expression};\n`,
    );
  }

  file(name: string, text: string): string {
    const path = join(this.path, name);
    writeFileSync(path, text);
    return path;
  }

  json(name: string, value: unknown): string {
    return this.file(name, JSON.stringify(value));
  }

  /** Writes documents of these lengths, whose tokens count up. Configurations refer to them by `name`. */
  tokens(name: string, lengths: readonly number[]): string {
    const builder = new IndexedDatasetBuilder(join(this.path, name), { dtype: 'int32' });
    for (const length of lengths) builder.addItem(Array.from({ length }, (_, token) => token));
    builder.endDocument();
    builder.finalize();
    return join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}
