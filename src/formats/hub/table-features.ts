import type { SchemaTree } from 'hyparquet';
import { FormatError } from '../../core/errors.js';
import type { ArrowFile } from '../arrow/arrow-file.js';
import type { ArrowField } from '../arrow/arrow-schema.js';
import type { ParquetFile } from '../parquet/parquet-file.js';
import { featuresOfMetadata, type HubFeature, type HubFeatures } from './features.js';

const value = (dtype: string): HubFeature => ({ kind: 'value', dtype });

/**
 * The features of a table: those that Hugging Face `datasets` wrote into its metadata, else those of the types of its columns.
 *
 * @throws {@link FormatError} if the metadata is not JSON.
 */
export function featuresOfTable(file: ParquetFile | ArrowFile): HubFeatures {
  const written = file.metadata.get('huggingface');
  const stored =
    'tree' in file
      ? file.tree.map((column) => [column.element.name, featureOfParquet(column)] as const)
      : file.fields.map((field) => [field.name, featureOfArrow(field)] as const);
  if (written === undefined) return Object.fromEntries(stored);
  let info: { info?: { features?: unknown } };
  try {
    info = JSON.parse(written);
  } catch (cause) {
    throw new FormatError('The metadata that describes the features is not JSON', {
      where: { file: file.source.name, key: 'huggingface' },
      next: 'Write the file again.',
      cause,
    });
  }
  const declared = new Map(
    Object.entries(info.info?.features ? featuresOfMetadata(info.info.features, file.source.name) : {}),
  );
  const isParquet = 'tree' in file;
  return Object.fromEntries(
    stored.map(([name, feature]) => {
      // Columns that were added later have no declaration.
      const found = declared.get(name) ?? feature;
      return [name, isParquet ? asParquetStores(found) : found];
    }),
  );
}

/** Parquet has no times of day in seconds: they are stored in milliseconds. */
function asParquetStores(feature: HubFeature): HubFeature {
  if (feature.kind === 'value') return feature.dtype === 'time32[s]' ? value('time32[ms]') : feature;
  if (feature.kind === 'list') return { kind: 'list', of: asParquetStores(feature.of) };
  if (feature.kind !== 'struct') return feature;
  const fields = Object.entries(feature.fields).map(([name, field]) => [name, asParquetStores(field)]);
  return { kind: 'struct', fields: Object.fromEntries(fields) };
}

function featureOfParquet(tree: SchemaTree): HubFeature {
  const { element, children } = tree;
  if (element.repetition_type === 'REPEATED')
    return {
      kind: 'list',
      of: featureOfParquet({ ...tree, element: { ...element, repetition_type: 'REQUIRED' } }),
    };
  if (children.length === 0) return value(dtypeOf(element));
  const logical = element.logical_type?.type ?? element.converted_type;
  if (logical === 'VARIANT' || logical === 'MAP' || logical === 'MAP_KEY_VALUE') return { kind: 'any' };
  const [list, second] = children;
  if (logical === 'LIST' && list && !second) {
    const [element, other] = list.children;
    return element && !other ? { kind: 'list', of: featureOfParquet(element) } : { kind: 'any' };
  }
  return {
    kind: 'struct',
    fields: Object.fromEntries(children.map((child) => [child.element.name, featureOfParquet(child)])),
  };
}

function dtypeOf({ type, converted_type: converted, logical_type: logical }: SchemaTree['element']): string {
  if (converted === 'UTF8' || converted === 'ENUM' || logical?.type === 'STRING') return 'string';
  if (converted === 'DATE' || logical?.type === 'DATE') return 'date32';
  if (logical?.type === 'TIMESTAMP')
    return `timestamp[${{ MILLIS: 'ms', MICROS: 'us', NANOS: 'ns' }[logical.unit]}${logical.isAdjustedToUTC ? ', tz=UTC' : ''}]`;
  if (converted?.startsWith('TIMESTAMP_'))
    return converted.endsWith('MILLIS') ? 'timestamp[ms]' : 'timestamp[us]';
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return 'decimal128';
  if (logical?.type === 'FLOAT16') return 'float16';
  if (logical?.type === 'INTEGER') return `${logical.isSigned ? '' : 'u'}int${logical.bitWidth}`;
  const [, unsigned, bits] = /^(U?)INT_(\d+)$/.exec(converted ?? '') ?? [];
  if (bits) return `${unsigned ? 'u' : ''}int${bits}`;
  const dtypes: Record<string, string> = {
    BOOLEAN: 'bool',
    INT32: 'int32',
    INT64: 'int64',
    INT96: 'timestamp[ns]',
    FLOAT: 'float32',
    DOUBLE: 'float64',
  };
  return dtypes[type ?? ''] ?? 'binary';
}

function featureOfArrow({ type, children }: ArrowField): HubFeature {
  switch (type.kind) {
    case 'list':
    case 'listView':
    case 'fixedList':
      return { kind: 'list', of: featureOfArrow(children[0]!) };
    case 'struct':
      return {
        kind: 'struct',
        fields: Object.fromEntries(children.map((child) => [child.name, featureOfArrow(child)])),
      };
    case 'int':
      return value(`${type.isSigned ? '' : 'u'}int${type.bits}`);
    case 'float':
      return value(`float${type.bits}`);
    case 'text':
      if (type.isJson) return { kind: 'any' };
      return value(type.layout === 'large' ? 'large_string' : 'string');
    case 'bytes':
    case 'fixedBytes':
      return value('binary');
    case 'bool':
    case 'null':
      return value(type.kind);
    case 'date':
      return value(type.unit === 'DAY' ? 'date32' : 'date64');
    case 'timestamp': {
      const unit = { SECOND: 's', MILLISECOND: 'ms', MICROSECOND: 'us', NANOSECOND: 'ns' }[type.unit];
      return value(`timestamp[${unit}${type.zone ? `, tz=${type.zone}` : ''}]`);
    }
    case 'decimal':
      return value(`decimal${type.bits}(${type.precision}, ${type.scale})`);
    default:
      return { kind: 'any' };
  }
}
