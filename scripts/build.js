import { build, installPackages } from './toolchain.js';

installPackages();
await build();
