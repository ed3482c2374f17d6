/** `#` or its full-width and small forms, then letters, marks, decimal digits and underscores (UAX #31 and #18). */
const HASHTAG = /[#＃﹟]([\p{L}\p{M}\p{Nd}_]+)/gu

/**
 * The hashtags of a text in their order, each as often as it is used, without the sign and case-folded: `#Köln` and
 * `#KÖLN` are one tag, and so are a letter's full-width and plain form (NFKC). A sign inside a word starts a tag too.
 */
export function hashtagsOf(text: string): string[] {
  if (!/[#＃﹟]/.test(text)) return []
  return Array.from(text.matchAll(HASHTAG), ([, tag = '']) => foldTag(tag))
}

/** Composed, compatibility forms resolved, and lower case by way of upper case, so that `ß` and `SS`, `ς` and `σ` meet. */
export function foldTag(tag: string): string {
  return tag.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFC').replaceAll('ς', 'σ')
}
