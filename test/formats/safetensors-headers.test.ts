import { MillraceError } from 'millrace';
import { SafetensorsDataset } from 'millrace/formats';
import { MemorySource } from 'millrace/storage';
import { expect, it } from 'vitest';

function file(header: string, data: Uint8Array): MemorySource {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return new MemorySource(Buffer.concat([length, Buffer.from(header), data]), 'x.safetensors');
}

const tensor = (from: number, to: number) =>
  `{"dtype":"U8","shape":[${to - from}],"data_offsets":[${from},${to}]}`;

it.each([
  ['a hole', `{"a":${tensor(0, 4)},"b":${tensor(5, 9)}}`, 9, /tensor before end at 4/],
  ['an overlap', `{"a":${tensor(0, 4)},"b":${tensor(3, 7)}}`, 7, /tensor before end at 4/],
  ['bytes before the first', `{"a":${tensor(1, 5)}}`, 5, /tensor before end at 0/],
  ['bytes behind the last', `{"a":${tensor(0, 4)}}`, 5, /1 bytes at its end belong to no tensor/],
  ['a name twice', `{"a":${tensor(0, 4)},"\\u0061":${tensor(0, 4)}}`, 4, /the key "a" twice/],
  [
    'a field twice',
    `{"a":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]}}`,
    4,
    /the key "dtype" twice/,
  ],
  ['metadata that is no text', `{"__metadata__":{"a":1},"a":${tensor(0, 4)}}`, 4, /__metadata__/],
  ['an end before its start', `{"a":{"dtype":"U8","shape":[0],"data_offsets":[4,0]}}`, 4, /bytes/],
  [
    'a dtype named like a method',
    `{"a":{"dtype":"constructor","shape":[4],"data_offsets":[0,4]}}`,
    4,
    /type constructor/,
  ],
  ['data that is cut short', `{"a":${tensor(0, 4)}}`, 3, /cut short/],
])('refuses a header with %s', async (_, header, bytes, message) => {
  const opening = SafetensorsDataset.open(file(header, new Uint8Array(bytes)));
  await expect(opening).rejects.toThrow(message);
  await expect(opening).rejects.toThrow(MillraceError);
});

// From the tables of the OCP specifications: "8-bit floating point" (OFP8) and "Microscaling formats" (MX).
it.each([
  ['F8_E4M3', [0x00, 0x38, 0x7e, 0xfe, 0x08, 0x01, 0x7f], [0, 1, 448, -448, 2 ** -6, 2 ** -9, Number.NaN]],
  [
    'F8_E5M2',
    [0x00, 0x3c, 0x7b, 0xfc, 0x04, 0x01, 0x7d],
    [0, 1, 57344, Number.NEGATIVE_INFINITY, 2 ** -14, 2 ** -16, Number.NaN],
  ],
  ['F8_E8M0', [127, 128, 0, 254, 255], [1, 2, 2 ** -127, 2 ** 127, Number.NaN]],
])('reads %s', async (dtype, bytes, values) => {
  const header = JSON.stringify({ a: { dtype, shape: [1, bytes.length], data_offsets: [0, bytes.length] } });
  const dataset = await SafetensorsDataset.open(file(header, Uint8Array.from(bytes)));
  const { a } = await dataset.get(0);
  expect(a!.dtype).toBe('float32');
  expect([...a!.data]).toEqual(values);
});

it('lists the tensors when the requested one does not exist', async () => {
  const opening = SafetensorsDataset.open(file(`{"a":${tensor(0, 4)}}`, new Uint8Array(4)), {
    columns: ['b'],
  });
  await expect(opening).rejects.toThrow(/no array b; there are a/);
  const none = SafetensorsDataset.open(file('{}', new Uint8Array(0)), { columns: ['b'] });
  await expect(none).rejects.toThrow(/no array b; there are none/);
});
