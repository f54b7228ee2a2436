import { build, installPackages } from './toolchain.js';

installPackages();
build();
