// The loader's workers. The bundler sees what they import by name.
import { provideModules } from 'millrace/worker';

provideModules({ 'worker:augment': () => import('./augment.js') });
