/** Counts the words of a document: local work in place of a call of a model. */
export default async ({ id, text }) => ({ id, words: text.split(' ').length });
