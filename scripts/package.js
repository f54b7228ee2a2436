// `npm run package`: makes package/, from which `npm publish ./package` publishes.
import { build, installPackages } from './toolchain.js';

installPackages();
await build();
// It imports packages, and reads the build.
const { makePackage } = await import('./make-package.js');
await makePackage();
