// What several image kernels do with vectors.

/** Adds f64 products to f32 values, and rounds to f32. */
export function sumOf(values: v128, low: v128, high: v128): v128 {
  const lower = f32x4.demote_f64x2_zero(f64x2.add(f64x2.promote_low_f32x4(values), low));
  const upper = f32x4.demote_f64x2_zero(f64x2.add(f64x2.promote_low_f32x4(upperHalf(values)), high));
  return v128.shuffle<i32>(lower, upper, 0, 1, 4, 5);
}

/** Four bytes as 32-bit lanes. */
export function loadBytes(address: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(address)));
}

/** Stores 32-bit lanes as four bytes, limited to 0 … 255. */
export function storeBytes(address: usize, values: v128): void {
  const words = i16x8.narrow_i32x4_s(values, values);
  v128.store32_lane(address, i8x16.narrow_i16x8_u(words, words), 0);
}

export function upperHalf(values: v128): v128 {
  return v128.shuffle<i64>(values, values, 1, 1);
}
