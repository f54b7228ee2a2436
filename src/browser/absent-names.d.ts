// The build makes `absent-names.js` from what src/ imports (`scripts/stand-ins.js`): an `absent` function for each name.
export {};
