/** What happens to parts under way when another part fails: `finish` waits for them, `abandon` does not. */
export type UnderWay = 'finish' | 'abandon';

/**
 * Distributes parts over engines: each engine takes the next part when it has finished one. After a failure no further part is started.
 *
 * @param work - Has an engine do a part.
 * @throws the first failure
 */
export async function shareParts<Engine, Part>(
  engines: readonly Engine[],
  parts: readonly Part[],
  underWay: UnderWay,
  work: (engine: Engine, part: Part) => Promise<void>,
): Promise<void> {
  const waiting = parts[Symbol.iterator]();
  let hasFailed = false;
  const running = engines.map(async (engine) => {
    for (let next = waiting.next(); !next.done && !hasFailed; next = waiting.next()) {
      try {
        await work(engine, next.value);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  });
  if (underWay === 'finish') await Promise.allSettled(running);
  await Promise.all(running);
}
