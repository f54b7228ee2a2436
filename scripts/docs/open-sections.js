// Runs in the site's pages: whoever comes for the first time finds these headings of the sidebar open.
for (const section of ['Guides', 'Subjects']) {
  const key = `tsd-accordion-${section}`;
  if (localStorage.getItem(key) === null) localStorage.setItem(key, 'true');
}
