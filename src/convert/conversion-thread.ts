import { PartThread } from '../parts/part-thread.js';

/** Starts a thread that converts parts of the input. @param program - The module that the thread runs */
export function conversionThread<Request, Result>(
  setup: object,
  id: number,
  program: URL,
): PartThread<Request, Result> {
  return new PartThread(setup, {
    program,
    work: 'conversion',
    id,
    moves: 'input',
    next: 'Finished parts are kept. Run the same command again to continue, with fewer workers if memory ran out.',
  });
}
