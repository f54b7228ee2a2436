// Runs in the pages of the site.

// Opens these headings of the sidebar on a reader's first visit.
for (const section of ['Guides', 'Subjects']) {
  const key = `tsd-accordion-${section}`;
  if (localStorage.getItem(key) === null) localStorage.setItem(key, 'true');
}

// Puts a menu of the versions of the site beside its title. `versions.js` is beside the folders of the versions, so that pages of an
// older version name newer ones too; a version that is read by itself has no menu.
const { base } = document.documentElement.dataset;
const list = document.createElement('script');
list.src = `${base}../versions.js`;
list.onload = () => {
  const title = document.querySelector('.tsd-toolbar-contents > .title');
  const [name, shown] = title.textContent.split(' - v');
  const menu = document.createElement('select');
  menu.id = 'site-versions';
  menu.ariaLabel = 'Version';
  for (const [k, version] of globalThis.millraceVersions.entries())
    menu.add(new Option(k === 0 ? `${version} (newest)` : version, version, false, version === shown));
  menu.onchange = () => location.assign(`${base}../${menu.value}/index.html`);
  title.textContent = name;
  title.after(menu);
};
document.head.append(list);
