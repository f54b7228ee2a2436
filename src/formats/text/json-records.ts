import * as v from 'valibot';
import type { Json, JsonObject } from '../../core/json.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { isRecord, ownValue, setOwn } from '../../core/record.js';
import { messageOf } from '../../core/thrown.js';
import { unknownColumn } from '../choose-columns.js';
import { FileDataset } from '../file-dataset.js';
import type { FileConstants } from '../file-format.js';
import { chooseRecords } from '../records/choose-records.js';
import type { RecordFiles } from '../records/record-files.js';
import { RowChoice } from '../where/select-rows.js';
import { readField } from '../where/test-row.js';
import { type Where, whereColumns, whereJson, whereOption } from '../where/where.js';
import { withoutComma } from './json-values.js';
import { parseJson } from './parse-json.js';

/** What decoding needs besides the files. */
export interface JsonSettings {
  /** Fields of an object that a sample has; `null`: all. */
  readonly columns: readonly string[] | null;
  /** The condition that samples pass, for the fingerprint. */
  readonly where?: Json;
  /** Whether values are elements of an array, followed by a comma. */
  readonly areElements?: boolean;
  /** Path to the array. */
  readonly field?: string;
}

/** Options of JSON files, as they are parsed. */
export const jsonOptions = {
  columns: v.optional(v.array(v.string())),
  where: whereOption,
  constants: v.optional(v.custom<FileConstants>((value) => typeof value === 'object')),
};

/** What a user wants of JSON files, and what folder names say about them. */
export interface JsonChoice {
  readonly columns: readonly string[] | undefined;
  readonly where: Where | undefined;
  readonly constants: FileConstants | undefined;
}

/** JSON values that are stored one after another. */
export abstract class JsonRecords<T> extends FileDataset<T, RecordFiles, JsonSettings> {
  /** @throws {@link FormatError} if the value is not JSON in UTF-8. */
  get(index: number): MaybePromise<T> {
    const text = this.rows.text(index);
    return typeof text === 'string'
      ? this.#sample(text, index)
      : text.then((found) => this.#sample(found, index));
  }

  /** The type is what the caller of `open` expects of the samples. */
  #sample(text: string, index: number): T {
    return this.#chosenFields(text, index) as T;
  }

  #chosenFields(text: string, index: number): unknown {
    const { columns, areElements } = this.settings;
    const value = parsedRecord(this.rows, index, areElements ? withoutComma(text) : text);
    const constants = this.rows.constantsOf(index);
    if (!isRecord(value) || (columns === null && !constants)) return value;
    if (columns === null) return { ...value, ...constants };
    const row: Record<string, unknown> = {};
    for (const name of columns) {
      const from = constants && Object.hasOwn(constants, name) ? constants : value;
      if (Object.hasOwn(from, name)) setOwn(row, name, ownValue(from, name));
    }
    return row;
  }

  protected override identity(): JsonObject {
    const { columns, where } = this.settings;
    return { ...(columns && { columns: [...columns] }), ...(where !== undefined && { where }) };
  }
}

/**
 * Chooses columns and records. `where` reads every record; `columns` reads until each name has been seen in one.
 *
 * @throws {@link ConfigError} for a field that no record has, or a comparison of values of different kinds; {@link FormatError}
 */
export async function chooseJson(
  owner: string,
  records: RecordFiles,
  { columns, where, constants }: JsonChoice,
  areElements: boolean,
): Promise<{ readonly records: RecordFiles; readonly settings: JsonSettings }> {
  const choice = where && RowChoice.of(owner, where, undefined);
  const added = new Set(constants?.columns.map(({ name }) => name));
  const isStored = (name: string) => !added.has(name);
  const tested = choice ? whereColumns(choice.node).filter(isStored) : [];
  const value = (index: number): MaybePromise<unknown> =>
    andThen(records.text(index), (text) =>
      parsedRecord(records, index, areElements ? withoutComma(text) : text),
    );
  const check = async (field: 'columns' | 'where', names: readonly string[]) => {
    const missing = await missingField(records.length, value, names, field === 'where');
    if (missing) throw unknownColumn({ owner, field, noun: 'field' }, missing.name, missing.seen);
  };
  await check('columns', columns?.filter(isStored) ?? []);
  await check('where', tested);
  const chosen = await chooseRecords(records, choice, constants, (index) =>
    andThen(value(index), (row) => (name: string) => (isRecord(row) ? readField(row, name) : undefined)),
  );
  return {
    records: chosen,
    settings: {
      columns: columns ?? null,
      ...(choice && { where: whereJson(choice.node) }),
      ...(areElements && { areElements }),
    },
  };
}

/** Most names that an error lists. */
const mostListed = 100;

/** The first name that no object has, and names that some have; `undefined` if all are there. */
async function missingField(
  length: number,
  parsed: (index: number) => MaybePromise<unknown>,
  names: readonly string[],
  arePaths: boolean,
): Promise<{ readonly name: string; readonly seen: readonly string[] } | undefined> {
  const unseen = new Set(names);
  const seen = new Set<string>();
  for (let index = 0; unseen.size > 0 && index < length; index++) {
    const value = await parsed(index);
    if (!isRecord(value)) continue;
    for (const name of unseen)
      if (Object.hasOwn(value, name) || (arePaths && readField(value, name) !== undefined))
        unseen.delete(name);
    if (seen.size < mostListed) for (const name of Object.keys(value)) seen.add(name);
  }
  const [name] = unseen;
  return name === undefined || seen.size === 0 ? undefined : { name, seen: [...seen] };
}

function parsedRecord(records: RecordFiles, index: number, text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw records.damaged(index, `is not JSON: ${messageOf(cause)}`, cause);
  }
}
