// The versions of the documentation site: a folder each, a list of them for the menu of every page, and a first page that leads to the
// newest one.
import { readdirSync, writeFileSync } from 'node:fs';

/**
 * Lists the versions that a site holds, so that pages built before know of later ones.
 *
 * @param site - The folder of the site, with one folder per version.
 */
export function listVersions(site) {
  const versions = readdirSync(site)
    .filter((folder) => /^\d+\.\d+\.\d+/.test(folder))
    .sort((a, b) => order(b).localeCompare(order(a), 'en', { numeric: true }));
  // A script, because a page that is opened from the disk cannot request JSON.
  writeFileSync(`${site}/versions.js`, `globalThis.millraceVersions = ${JSON.stringify(versions)};\n`);
  writeFileSync(`${site}/index.html`, firstPage(versions));
}

/** What versions are sorted by: a release comes after its candidates. */
function order(version) {
  return version.includes('-') ? version : `${version}-zz`;
}

function firstPage([newest, ...older]) {
  const items = [newest, ...older].map(
    (version) => `<li><a href="${version}/index.html">${version}</a></li>`,
  );
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="0; url=${newest}/index.html">
<title>Millrace</title>
<h1>Millrace: documentation by version</h1>
<ul>
${items.join('\n')}
</ul>
</html>
`;
}
