import { FormatError } from '../../core/errors.js';
import { ownValue } from '../../core/record.js';

/** What a reader must be able to do. */
export interface DeltaProtocol {
  readonly minReaderVersion: number;
  readonly readerFeatures?: readonly string[] | null;
}

/** Schema and settings of a table. */
export interface DeltaMetadata {
  /** A Spark struct type, as JSON. */
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  readonly configuration?: Readonly<Record<string, string>> | null;
}

/** A column of a table: a primitive type by name, or a nested one. */
export interface DeltaColumn {
  readonly name: string;
  readonly type: string | object;
}

/** Features that are read, that do not change how data files are read, or only if a setting uses them, which is checked. */
const knownFeatures: readonly string[] = [
  'timestampNtz',
  'vacuumProtocolCheck',
  'columnMapping',
  'deletionVectors',
  'v2Checkpoint',
];

/** @throws {@link FormatError} for a feature that Millrace does not have */
export function checkProtocol(
  table: string,
  { minReaderVersion, readerFeatures }: DeltaProtocol,
  { configuration }: DeltaMetadata,
): void {
  const refuse = (what: string, next: string): never => {
    throw new FormatError(`The Delta table uses ${what}, which Millrace does not read`, {
      where: { table },
      next,
    });
  };
  const unknown = readerFeatures?.find((feature) => !knownFeatures.includes(feature));
  if (unknown !== undefined)
    refuse(`the feature ${unknown}`, 'Write a copy of the table without the feature.');
  if (minReaderVersion > 3)
    refuse(
      `version ${minReaderVersion} of the reader protocol`,
      'Write a copy of the table with an older one.',
    );
  const mapping = ownValue(configuration ?? {}, 'delta.columnMapping.mode') ?? 'none';
  if (mapping !== 'none')
    refuse(`column mapping (mode ${mapping})`, 'Write a copy of the table without column mapping.');
}

/** The columns of a table. @throws {@link FormatError} */
export function columnsOfTable(table: string, { schemaString }: DeltaMetadata): readonly DeltaColumn[] {
  try {
    const { fields } = JSON.parse(schemaString) as { fields: readonly DeltaColumn[] };
    return fields.map(({ name, type }) => ({ name, type }));
  } catch (cause) {
    throw new FormatError('The schema of the Delta table is damaged', {
      where: { table },
      next: 'Copy the table again, with all of _delta_log.',
      cause,
    });
  }
}

/**
 * The value of a partition column, which the log stores as text. An empty text is a missing value.
 *
 * @throws {@link FormatError} for a type that is not read, or a text that does not have it
 */
export function partitionValue(
  table: string,
  { name, type }: DeltaColumn,
  text: string | null | undefined,
): unknown {
  if (text === null || text === undefined || text === '') return null;
  const value = typeof type === 'string' ? parsers(type)?.(text) : undefined;
  if (value !== undefined && !Number.isNaN(value instanceof Date ? value.getTime() : 0)) return value;
  throw new FormatError(
    `The partition column ${name} of the Delta table has a value that is not read: ${text}`,
    {
      where: { table, column: name, type: typeof type === 'string' ? type : 'nested' },
      next: 'Write a copy of the table that is partitioned by a column of another type.',
    },
  );
}

function parsers(type: string): ((text: string) => unknown) | undefined {
  if (type === 'string') return (text) => text;
  if (type === 'long') return (text) => (/^-?\d+$/.test(text) ? BigInt(text) : undefined);
  if (type === 'boolean') return (text) => (text === 'true' ? true : text === 'false' ? false : undefined);
  if (type === 'date') return (text) => new Date(`${text}T00:00:00Z`);
  if (type.startsWith('timestamp'))
    return (text) => new Date(/[Zz]|[+-]\d\d:\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`);
  const isNumber = /^(byte|short|integer|float|double|decimal\(\d+,\s*-?\d+\))$/.test(type);
  return isNumber ? (text) => (Number.isNaN(Number(text)) ? undefined : Number(text)) : undefined;
}
