// Phrases that the project has outgrown, each with what to write instead. `npm run lint` refuses them everywhere.
// docs/glossary.md has the terms.

/** Expressions and their replacement, in code, comments, messages and documents. */
export const outgrownPhrases = [
  [
    /\b(?:go|goes|going|gone|went) through (?:it|them|once|again|by|from|in|alone|the|a|an|every|each|several)\b/i,
    'iterate, read, walk or traverse',
  ],
  [/\bfor ever\b/i, 'forever, or say until when'],
  [/\bmend(?:s|ed|ing)?\b/i, 'fix, repair'],
  [
    /\b(?:is|are|was|were|be|been|gets?) told\b|\btold (?:of|about)\b/i,
    'receives, is called with, is notified',
  ],
  [/\b(?:so-manieth|how many-th|how-manieth)\b/i, 'nth, ordinal'],
  [/\b(?:some|no|any)body\b/i, 'name who: the user, the consumer, a caller, an observer'],
  [/\bwhoever\b/i, 'name who: the caller, the owner'],
  [/\blistens\b(?! on\b)|\bthose who listen\b/i, 'observes, is registered, handles'],
  [/\bputs? together\b|\bput it together\b/i, 'combine, build, assemble, collate'],
  [/\bwhat (?:it|this|they|that) (?:is|are|was|were) called\b/i, 'its name'],
  [/\bas good as\b|\bnone the less\b|\bby and by\b/i, 'say it plainly'],
  [/\bgive[sn]? back\b|\bgave back\b/i, 'return, release'],
  [/(?<!\bthere )\bis no (?:[a-z]+)\b(?= *[.;:,)]| that| of| which)/i, 'is not a …'],
  [/\bof which there (?:is|are)\b/i, 'rewrite the clause'],
  [/\bfrom afar\b|\bfar-away\b|\bfar away\b/i, 'remote'],
  [/\bcomes? to nothing\b|\bwithout more\b|\bat its place\b/i, 'say it plainly'],
  [/\bgo(?:es)? on (?:with|from|as|where|until|without)\b/i, 'continues'],
  [/\bto be had\b|\bin good order\b|\bby turns\b|\btakes? away\b|\btook away\b/i, 'say it plainly'],
  [/\bso (?:many|much) (?:is|are|was|were)\b|\bwhat comes?\b/i, 'name the noun'],
  [/\btakes? for granted\b|\btaken for granted\b/i, 'assume'],
  [/\bstands? beside\b|\bno effect beside\b/i, 'cannot be given together with, has no effect together with'],
  [/\b(?:is|are) asked for\b(?! (?:it|them|its|their|the|a|an|one|some)\b)/i, 'is requested'],
  [/\bone behind the other\b|\bbehind (?:its|their) end\b/i, 'one after another, after the end'],
  [/\bdoes not know (?:when|how|where|its|their)\b/i, 'is unknown, cannot compute'],
  [/\bto speak of\b|\bat hand\b|\bwhat surrounds\b/i, 'say it plainly'],
];
