import * as v from 'valibot';
import { StateMismatchError } from '../../core/errors.js';
import type { Json, JsonObject } from '../../core/json.js';
import { parseOptions } from '../../core/options.js';

/** What an amendment changes. */
export type AmendedKind = 'weights' | 'batchSize' | 'sequenceLength' | 'sources' | 'data' | 'sampler';

/** The kinds whose values are objects of the program: a state records only what identifies them. */
const objectKinds: readonly AmendedKind[] = ['sources', 'data', 'sampler'];

/** One change of a run, from a global step on. */
export interface Change {
  readonly at: number;
  readonly kind: AmendedKind;
  /** The new value, as a state records it. */
  readonly value: readonly (number | string)[];
  /** The datasets or the sampler. */
  readonly object?: unknown;
}

const list = v.optional(
  v.array(
    v.custom<readonly (number | string)[]>(
      (entry) => Array.isArray(entry) && Number.isSafeInteger(entry[0]) && entry.length > 1,
      'must be a step and a value',
    ),
  ),
  [],
);
const schema = v.strictObject({
  weights: list,
  batchSize: list,
  sequenceLength: list,
  sources: list,
  data: list,
  sampler: list,
});

/**
 * The changes of a run, by global step. A state and a receipt record them by kind, each change as `[step, ...value]`: a few dozen
 * bytes.
 */
export class Amendments {
  /** Ascending by step. */
  readonly changes: readonly Change[];

  constructor(changes: readonly Change[] = []) {
    this.changes = [...changes].sort((a, b) => a.at - b.at || (a.kind < b.kind ? -1 : 1));
  }

  /** @throws {@link ConfigError} naming what is not an amendment */
  static fromJson(json: JsonObject): Amendments {
    const kinds = parseOptions('Loader state', schema, json, 'amendments');
    return new Amendments(
      Object.entries(kinds).flatMap(([kind, entries]) =>
        entries.map(([at, ...value]) => ({ at: at as number, kind: kind as AmendedKind, value })),
      ),
    );
  }

  /** The amendments as plain JSON; `undefined` without any. */
  json(): JsonObject | undefined {
    if (this.changes.length === 0) return undefined;
    const kinds: Record<string, Json[]> = {};
    for (const { at, kind, value } of this.changes) kinds[kind] = [...(kinds[kind] ?? []), [at, ...value]];
    return kinds;
  }

  /** The changes of one kind, ascending by step. */
  of(kind: AmendedKind): readonly Change[] {
    return this.changes.filter((change) => change.kind === kind);
  }

  /** The changes whose values are objects of the program; or the others. */
  only(which: 'objects' | 'values'): Amendments {
    return new Amendments(
      this.changes.filter(({ kind }) => objectKinds.includes(kind) === (which === 'objects')),
    );
  }

  /** These and others, each of which replaces a change of its kind at its step. */
  with(others: readonly Change[]): Amendments {
    const isReplaced = ({ at, kind }: Change) =>
      others.some((other) => other.at === at && other.kind === kind);
    return new Amendments([...this.changes.filter((change) => !isReplaced(change)), ...others]);
  }

  /**
   * Checks that a run with these amendments had the same steps as one with others.
   *
   * @param saved - The amendments of a state or receipt.
   * @param place - The global step up to which they must be the same.
   * @throws {@link StateMismatchError} naming the first step that differs
   */
  checkPast(saved: Amendments, place: number): void {
    const shown = ({ changes }: Amendments): string[] =>
      changes.filter(({ at }) => at < place).map(({ at, kind, value }) => JSON.stringify([at, kind, value]));
    const [own, other] = [shown(this), shown(saved)];
    let k = 0;
    while (k < own.length && own[k] === other[k]) k += 1;
    if (k >= own.length && k >= other.length) return;
    const differing = [own[k] && this.changes[k], other[k] && saved.changes[k]].flatMap((change) =>
      change ? [change.at] : [],
    );
    const step = Math.min(...differing);
    throw new StateMismatchError(
      `The run was amended differently at global step ${step}: ${shownAt(saved, step)} there, ${shownAt(this, step)} here`,
      {
        where: { field: 'amendments', step, place },
        next: 'Amend this loader as the run was amended before the state; later amendments may differ. Without amendments of its own, a loader takes weights, batch sizes and sequence lengths from the state.',
      },
    );
  }
}

function shownAt({ changes }: Amendments, step: number): string {
  const there = changes.filter(({ at }) => at === step);
  if (there.length === 0) return 'nothing changes';
  return there.map(({ kind, value }) => `${kind} becomes ${value.join(', ')}`).join(' and ');
}
