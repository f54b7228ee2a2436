import * as v from 'valibot';
import type { Dataset } from '../../core/dataset.js';
import { StateMismatchError } from '../../core/errors.js';
import type { Json, JsonObject } from '../../core/json.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import type { Sampler } from '../../core/sampler.js';
import type { GrowthMode } from '../../random/grown-passes.js';

/** A change to numbers, which a state records. */
interface ValueChange<Kind, Value> {
  /** The first global step with the change. */
  readonly at: number;
  readonly kind: Kind;
  readonly value: Value;
}

/** A change to an object of the program, of which a state records only what identifies it. */
interface ObjectChange<Kind, Changed> extends ValueChange<Kind, readonly (number | string)[]> {
  /** `undefined` if the change was read from a state. */
  readonly object?: Changed;
}

/** Data that has grown. */
interface GrownData {
  readonly dataset: Dataset<unknown>;
  readonly mode: GrowthMode;
}

/** The sources of a mixture, of which some were added or have grown. */
interface GrownSources {
  readonly datasets: readonly Dataset<unknown>[];
  /** The samples of each such source before and after. */
  readonly growths: readonly {
    readonly source: number;
    readonly before: number;
    readonly length: number;
    readonly mode: GrowthMode;
  }[];
}

interface Changes {
  readonly weights: ValueChange<'weights', readonly number[]>;
  readonly batchSize: ValueChange<'batchSize', readonly [number]>;
  readonly sequenceLength: ValueChange<'sequenceLength', readonly [number]>;
  readonly sources: ObjectChange<'sources', GrownSources>;
  readonly data: ObjectChange<'data', GrownData>;
  readonly sampler: ObjectChange<'sampler', Sampler>;
}

/** What an amendment changes. */
export type AmendedKind = keyof Changes;

/** One change of a run, from a global step on. */
export type Change<Kind extends AmendedKind = AmendedKind> = Changes[Kind];

/** The kinds whose values are objects of the program. */
const objectKinds: readonly AmendedKind[] = ['sources', 'data', 'sampler'];

const step = integerFrom(0);
const shape = 'must be a step and a value';
const one = v.optional(v.array(v.strictTuple([step, v.number()], shape)), []);
const many = v.optional(v.array(v.tupleWithRest([step, v.number()], v.number(), shape)), []);
const words = v.union([v.number(), v.string()]);
const objects = v.optional(v.array(v.tupleWithRest([step, words], words, shape)), []);
const schema = v.strictObject({
  weights: many,
  batchSize: one,
  sequenceLength: one,
  sources: objects,
  data: objects,
  sampler: objects,
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
    const { weights, batchSize, sequenceLength, sources, data, sampler } = parseOptions(
      'Loader state',
      schema,
      json,
      'amendments',
    );
    return new Amendments([
      ...weights.map(([at, ...value]) => ({ at, kind: 'weights', value }) as const),
      ...batchSize.map(([at, size]) => ({ at, kind: 'batchSize', value: [size] }) as const),
      ...sequenceLength.map(([at, length]) => ({ at, kind: 'sequenceLength', value: [length] }) as const),
      ...sources.map(([at, ...value]) => ({ at, kind: 'sources', value }) as const),
      ...data.map(([at, ...value]) => ({ at, kind: 'data', value }) as const),
      ...sampler.map(([at, ...value]) => ({ at, kind: 'sampler', value }) as const),
    ]);
  }

  /** The amendments as plain JSON; `undefined` without any. */
  json(): JsonObject | undefined {
    if (this.changes.length === 0) return undefined;
    const kinds: Record<string, Json[]> = {};
    for (const { at, kind, value } of this.changes) kinds[kind] = [...(kinds[kind] ?? []), [at, ...value]];
    return kinds;
  }

  /** The changes of one kind, ascending by step. */
  of<Kind extends AmendedKind>(kind: Kind): readonly Change<Kind>[] {
    return this.changes.filter((change): change is Change<Kind> => change.kind === kind);
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
