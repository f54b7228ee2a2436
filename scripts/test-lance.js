// `npm run test:lance`: the published package reads tables that `@lancedb/lancedb` writes. The package is installed for this alone: it is
// large, and no test of `npm test` needs it.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { withPackedProject } from './packed-project.js';
import { build, installPackages, root } from './toolchain.js';

installPackages();
await build();
await withPackedProject(
  join(root, 'test/fixtures/lance'),
  { '@lancedb/lancedb': '0.37.1', 'apache-arrow': '18.1.0' },
  (folder) => execFileSync(process.execPath, ['--test'], { cwd: folder, stdio: 'inherit' }),
);
