// Token windows. `sources` points to `count` addresses (u32), one for each window of n + 1 tokens; `x` and `y` are
// [count, n] arrays. Row k of x receives the first n tokens of window k, row k of y the last n.

export function widenWindows8s(sources: usize, count: i32, n: i32, x: usize, y: usize): void {
  widenWindows<i8>(sources, count, n, x, y);
}

export function widenWindows8u(sources: usize, count: i32, n: i32, x: usize, y: usize): void {
  widenWindows<u8>(sources, count, n, x, y);
}

export function widenWindows16s(sources: usize, count: i32, n: i32, x: usize, y: usize): void {
  widenWindows<i16>(sources, count, n, x, y);
}

export function widenWindows16u(sources: usize, count: i32, n: i32, x: usize, y: usize): void {
  widenWindows<u16>(sources, count, n, x, y);
}

/** Copies windows in the stored dtype, `elementBytes` bytes per token. */
export function copyWindows(sources: usize, count: i32, n: i32, elementBytes: i32, x: usize, y: usize): void {
  const rowBytes: usize = <usize>n * elementBytes;
  for (let k = 0; k < count; k++) {
    const source: usize = load<u32>(sources + ((<usize>k) << 2));
    memory.copy(x, source, rowBytes);
    memory.copy(y, source + elementBytes, rowBytes);
    x += rowBytes;
    y += rowBytes;
  }
}

/** Widens integers of type T to int32. */
function widenWindows<T>(sources: usize, count: i32, n: i32, x: usize, y: usize): void {
  const rowBytes = (<usize>n) << 2;
  for (let k = 0; k < count; k++) {
    const source: usize = load<u32>(sources + ((<usize>k) << 2));
    widen<T>(source, n, x);
    widen<T>(source + sizeof<T>(), n, y);
    x += rowBytes;
    y += rowBytes;
  }
}

function widen<T>(source: usize, n: i32, target: usize): void {
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const words = loadWords<T>(source + <usize>i * sizeof<T>());
    const out = target + ((<usize>i) << 2);
    if (isSigned<T>()) {
      v128.store(out, i32x4.extend_low_i16x8_s(words));
      v128.store(out, i32x4.extend_high_i16x8_s(words), 16);
    } else {
      v128.store(out, i32x4.extend_low_i16x8_u(words));
      v128.store(out, i32x4.extend_high_i16x8_u(words), 16);
    }
  }
  for (; i < n; i++) store<i32>(target + ((<usize>i) << 2), load<T>(source + <usize>i * sizeof<T>()));
}

/** Loads eight integers as 16-bit lanes. */
function loadWords<T>(address: usize): v128 {
  if (sizeof<T>() === 2) return v128.load(address);
  return isSigned<T>() ? v128.load8x8_s(address) : v128.load8x8_u(address);
}
