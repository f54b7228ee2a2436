// The build generates `absent-names.js` from the imports in src/ (`scripts/stand-ins.js`): one `absent` function per
// name.
export {};
