// A minimal ONNX model: one node, encoded by hand as protocol buffers (onnx.proto3, fields by number).

/** A model `z = x <op> y` over vectors of `length` elements of an ONNX element type (1 float32, 7 int64). */
export function binaryModel(op: 'Add' | 'Mul', elementType: number, length: number): Uint8Array {
  const shape = field(1, number(1, length));
  const value = (name: string) =>
    concat(field(1, text(name)), field(2, field(1, concat(number(1, elementType), field(2, shape)))));
  const node = concat(field(1, text('x')), field(1, text('y')), field(2, text('z')), field(4, text(op)));
  const graph = concat(
    field(1, node),
    field(2, text('graph')),
    field(11, value('x')),
    field(11, value('y')),
    field(12, value('z')),
  );
  return concat(number(1, 8), field(7, graph), field(8, number(2, 13)));
}

const text = (value: string) => new TextEncoder().encode(value);
const number = (id: number, value: number) => concat(varint(id << 3), varint(value));
const field = (id: number, content: Uint8Array) =>
  concat(varint((id << 3) | 2), varint(content.length), content);

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
