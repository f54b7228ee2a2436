// `npm start`: sets itself up in a fresh clone and runs the main job. Arguments go to `millrace demo`.
import { build, installPackages, run } from './toolchain.js';

installPackages();
build();
run(process.execPath, ['dist/cli/main.js', 'demo', ...process.argv.slice(2)]);
