// `npm run package`: makes package/, from which `npm publish ./package` publishes.
import { makePackage } from './make-package.js';
import { build, installPackages } from './toolchain.js';

installPackages();
await build();
await makePackage();
