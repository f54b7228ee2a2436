// Which endings stand for which kind of data, in the names that Hugging Face `datasets` 5.0 uses.

const words = (text: string): string[] => text.split(' ').map((word) => `.${word}`);

const images = words(
  'blp bmp dib bufr cur pcx dcx dds ps eps fit fits fli flc ftc ftu gbr gif grib png apng jp2 j2k jpc jpf jpx j2c icns ico im iim tif ' +
    'tiff jfif jpe jpg jpeg mpg mpeg msp pcd pxr pbm pgm ppm pnm psd bw rgb rgba sgi ras tga icb vda vst webp wmf emf xbm xpm',
);
const audio = words(
  'aiff au avr caf flac htk svx mat4 mat5 mpc2k ogg paf pvf raw rf64 sd2 sds ircam voc w64 wav nist wavex wve xi mp3 opus 3gp 3g2 avi ' +
    'asf flv mp4 mov m4v mkv mpg webm f4v wmv wma ogg ogm mxf nut',
);
const video = words('mkv mp4 avi mpeg mov');

/** How the files of a data set are read. */
export type FileKind = 'csv' | 'json' | 'parquet' | 'arrow' | 'text' | 'webdataset' | MediaKind;

/** Files with a sample per row, line or member. */
export type TableKind = Exclude<FileKind, MediaKind>;

/** Files that are a sample each. */
export type MediaKind = 'image' | 'audio' | 'video' | 'pdf';

/** The kind of an ending; a kind that Millrace does not read is only a name. In this order, later entries replace earlier ones. */
const kinds = new Map<string, string>([
  ...[
    ['csv', '.csv .tsv'],
    ['json', '.json .jsonl .ndjson'],
    ['parquet', '.parquet .geoparquet .gpq'],
    ['arrow', '.arrow'],
    ['text', '.txt'],
    ['webdataset', '.tar'],
    ['conll', '.conll .conllu'],
    ['xml', '.xml'],
    ['hdf5', '.hdf5 .h5'],
    ['eval', '.eval'],
    ['lance', '.lance'],
    ['tsfile', '.tsfile'],
  ].flatMap(([kind = '', endings = '']) => endings.split(' ').map((ending) => [ending, kind] as const)),
  ...bothCases(images, 'image'),
  ...bothCases(audio, 'audio'),
  ...bothCases(video, 'video'),
  ...bothCases(['.pdf'], 'pdf'),
  ...bothCases(['.nii'], 'nifti'),
]);

function bothCases(endings: readonly string[], kind: string): (readonly [string, string])[] {
  return endings.flatMap((ending) => [[ending, kind] as const, [ending.toUpperCase(), kind] as const]);
}

const readable = new Set<string>([
  'csv',
  'json',
  'parquet',
  'arrow',
  'text',
  'webdataset',
  'image',
  'audio',
  'video',
  'pdf',
]);

/** Whether Millrace reads a kind. */
export function isReadable(kind: string): kind is FileKind {
  return readable.has(kind);
}

/** Whether the files of a kind are a sample each. */
export function isMedia(kind: string): kind is MediaKind {
  return kind === 'image' || kind === 'audio' || kind === 'video' || kind === 'pdf';
}

/** The base name of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The endings of a name, each with its dot: `.jsonl` and `.gz` of `a.jsonl.gz`. */
function endingsOf(path: string): string[] {
  return baseName(path)
    .split('.')
    .slice(1)
    .map((ending) => `.${ending}`);
}

/** Whether a file holds data, to judge by its endings. */
export function holdsData(path: string): boolean {
  return endingsOf(path).some((ending) => kinds.has(ending) || ending === '.zip');
}

/** The kind of a file, to judge by its endings; `zip` for an archive; `undefined` if there is none. */
export function kindOf(path: string): string | undefined {
  for (const ending of endingsOf(path).reverse()) {
    const kind = kinds.get(ending) ?? kinds.get(ending.toLowerCase());
    if (kind) return kind;
  }
  return /\.zip$/i.test(path) ? 'zip' : undefined;
}

/** Whether a file is a table that describes the media files beside it. */
export function isMetadata(path: string): boolean {
  return /^metadata\.(csv|jsonl|parquet)$/.test(baseName(path));
}

/** Endings that come first when two are equally frequent, the first last. */
const favorites = ['.csv', '.json', '.jsonl', '.arrow', '.lance', '.parquet'];

/**
 * The kind of most files: that of the most frequent ending, of equally frequent ones the favorite or else the last in the alphabet.
 * Metadata of media files counts only if there is nothing else.
 *
 * @returns `zip` if the most frequent ending is that of an archive, whose files decide; `undefined` if there is no data.
 */
export function kindOfMost(paths: readonly string[]): string | undefined {
  const counts = new Map<string, { ending: string; isMetadata: boolean; count: number }>();
  for (const path of paths)
    for (const written of endingsOf(path)) {
      const ending = written.toLowerCase();
      const key = `${ending}/${isMetadata(path)}`;
      const counted = counts.get(key) ?? { ending, isMetadata: isMetadata(path), count: 0 };
      counted.count++;
      counts.set(key, counted);
    }
  const ranked = [...counts.values()].sort(
    (a, b) =>
      Number(a.isMetadata) - Number(b.isMetadata) ||
      b.count - a.count ||
      favorites.indexOf(b.ending) - favorites.indexOf(a.ending) ||
      (a.ending < b.ending ? 1 : -1),
  );
  for (const { ending } of ranked) {
    const kind = ending === '.zip' ? 'zip' : kinds.get(ending);
    if (kind) return kind;
  }
  return undefined;
}
