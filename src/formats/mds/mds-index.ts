import * as v from 'valibot';
import { FormatError } from '../../core/errors.js';
import { recordOf } from '../../core/options.js';
import { messageOf } from '../../core/thrown.js';
import type { ByteSource } from '../../storage/byte-source.js';

/** Whether a path stays within the folder: `index.json` is untrusted. */
function isBelow(name: string): boolean {
  return (
    !/[\\\0]|^[a-z][a-z0-9+.-]*:/i.test(name) &&
    name.split('/').every((part) => !/^((\.|%2e){1,2})?$/i.test(part))
  );
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const file = v.object({
  basename: v.pipe(v.string(), v.check(isBelow, 'is not the name of a file below the folder of index.json')),
  bytes: count,
  hashes: v.optional(recordOf(v.string()), {}),
});

const schema = v.object({
  version: v.literal(2),
  shards: v.array(
    v.object({
      format: v.literal('mds', 'is not mds: shards of JSON Lines and CSV have datasets of their own'),
      version: v.literal(2),
      samples: count,
      compression: v.nullish(v.string()),
      column_names: v.array(v.string()),
      column_encodings: v.array(v.string()),
      column_sizes: v.array(v.nullable(count)),
      raw_data: file,
      zip_data: v.nullish(file),
    }),
  ),
});

/** A shard as `index.json` describes it. */
export type MdsShard = v.InferOutput<typeof schema>['shards'][number];

/** Reads `index.json`. @throws {@link FormatError} if it is not a MosaicML index of version 2 */
export async function readMdsIndex(source: ByteSource): Promise<readonly MdsShard[]> {
  const bytes = await source.read(0, source.byteLength);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw damaged(source, `it is not JSON: ${messageOf(cause)}`);
  }
  const result = v.safeParse(schema, parsed);
  if (!result.success) {
    const [issue] = result.issues;
    throw damaged(source, `${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
  }
  const { shards } = result.output;
  if (shards.length === 0) throw damaged(source, 'it has no shards');
  for (const [k, { column_names, column_encodings, column_sizes }] of shards.entries()) {
    const { length } = column_names;
    if (column_encodings.length !== length || column_sizes.length !== length)
      throw damaged(source, `shards.${k} has ${length} columns, and another number of encodings or sizes`);
    if (new Set(column_names).size !== length) throw damaged(source, `shards.${k} has a column twice`);
  }
  const columns = shards.map(({ column_names, column_encodings, column_sizes }) =>
    JSON.stringify([column_names, column_encodings, column_sizes]),
  );
  const other = columns.findIndex((described) => described !== columns[0]);
  if (other >= 0) throw damaged(source, `shards.${other} has other columns than the first`);
  return shards;
}

function damaged(source: ByteSource, why: string): FormatError {
  return new FormatError(`This is not an index of MDS shards: ${why}`, {
    where: { file: source.name },
    next: 'Name a folder that MDSWriter has written, or its index.json.',
  });
}
