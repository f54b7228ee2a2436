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
  const mapping = mappingMode({ configuration: configuration ?? null });
  if (!['none', 'name', 'id'].includes(mapping))
    refuse(`column mapping of the mode ${mapping}`, 'Write a copy of the table without column mapping.');
}

/** How data files name columns: `none` as the table does, `name` by physical names, `id` by field ids. */
export function mappingMode({ configuration }: Pick<DeltaMetadata, 'configuration'>): string {
  return ownValue(configuration ?? {}, 'delta.columnMapping.mode') ?? 'none';
}
