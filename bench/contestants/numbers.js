// A dataset of plain numbers, for which measuring costs next to nothing. @param {{ length: number }} options
export default function numbers({ length }) {
  return { length, fingerprint: () => `numbers ${length}`, get: (index) => (index * 7_919) % 2_048 };
}
