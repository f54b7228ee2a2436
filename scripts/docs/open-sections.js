// Runs in the pages of the site: opens these headings of the sidebar on a reader's first visit.
for (const section of ['Guides', 'Subjects']) {
  const key = `tsd-accordion-${section}`;
  if (localStorage.getItem(key) === null) localStorage.setItem(key, 'true');
}
