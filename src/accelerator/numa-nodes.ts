/**
 * Number of NUMA nodes with processor cores. Memory-only nodes do not count; consecutive nodes with the same cores
 * count once.
 *
 * @param root - Folder in which Linux lists the nodes. @defaultValue `/sys/devices/system/node`
 * @returns 0 if unknown, as on every system except Linux.
 */
export function countNumaNodes(root = '/sys/devices/system/node'): number {
  const coreLists = nodeFolders(root).map((folder) => coreList(`${root}/${folder}/cpulist`));
  const withCores = coreLists.filter((cores) => cores !== '');
  return withCores.filter((cores, position) => cores !== withCores[position - 1]).length;
}

function nodeFolders(root: string): string[] {
  try {
    return fileSystem()
      .readdirSync(root)
      .filter((name) => /^node\d+$/.test(name))
      .sort((a, b) => Number(a.slice('node'.length)) - Number(b.slice('node'.length)));
  } catch {
    return [];
  }
}

function coreList(file: string): string {
  try {
    return fileSystem().readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Not imported: browser bundles contain this room. There `process` is missing and the count is 0. */
function fileSystem() {
  return process.getBuiltinModule('node:fs');
}
