// The script of the loader's workers. The bundler resolves their modules from these imports.
import { provideModules } from 'millrace/worker';

provideModules({ 'worker:augment': () => import('./augment.js') });
