/**
 * Number of NUMA nodes that have processor cores. Nodes without cores (memory only) do not count; neighbors that name
 * the same cores count once.
 *
 * @param root - Where Linux lists the nodes. @defaultValue `/sys/devices/system/node`
 * @returns 0 where the system does not say, as on anything but Linux.
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

/** Not imported: this room is bundled for browsers, too, where `process` is missing and the count is 0. */
function fileSystem() {
  return process.getBuiltinModule('node:fs');
}
