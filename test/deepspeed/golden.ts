import { fileURLToPath } from 'node:url';

/** The folder of golden vectors; its index files serve as data in tests of their own. */
export const goldenFolder = fileURLToPath(new URL('../golden/', import.meta.url));
