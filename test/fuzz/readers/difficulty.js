import { DifficultyFile } from 'millrace/analysis';

export default (path) => {
  const file = DifficultyFile.openSync(path);
  file.verify();
  return {
    length: file.length,
    get: (sample) => [file.valueOf(sample), file.placeOf(sample)],
    close: () => file.close(),
  };
};
