// `npm start`: installs and builds in a fresh clone, then runs examples/curriculum-gpt with the arguments after `--`.
import { build, installPackages, run } from './toolchain.js';

installPackages();
await build();
run(process.execPath, ['--import', 'tsx', 'examples/curriculum-gpt/main.ts', ...process.argv.slice(2)]);
