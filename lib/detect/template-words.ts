/** What a character is to the masking of lines, as bits. Characters beyond ASCII are letters. */
export const SPACE = 1
/** Ends a word wherever it stands. */
export const DELIMITER = 2
export const DIGIT = 4
export const LETTER = 8
/** Ends a path, which may hold other delimiters. */
export const PATH_END = 16
/** What a list, an address or a pair of variables may have between them, so that they are one variable. */
export const JOINER = 32

const CLASSES = new Uint8Array(128)

function mark(characters: string, bit: number): void {
  for (let i = 0; i < characters.length; i++) {
    const code = characters.charCodeAt(i)
    CLASSES[code] = (CLASSES[code] ?? 0) | bit
  }
}

mark(' \t\r\n\v\f', SPACE)
mark('=:,;()[]{}<>|"\'!?', DELIMITER)
mark('0123456789', DIGIT)
mark('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', LETTER)
mark(' \t\r\n\v\f"\'<>()[]{}|', PATH_END)
mark(' \t,:(<[#/&~-', JOINER)

/** The class of a UTF-16 unit. */
export function classOf(code: number): number {
  return code < 128 ? (CLASSES[code] as number) : LETTER
}

/** Parts of a date or time: variable beside another variable, words elsewhere. */
export const DATE_WORDS: ReadonlySet<string> = new Set(
  (
    'Mon Tue Wed Thu Fri Sat Sun Monday Tuesday Wednesday Thursday Friday Saturday Sunday ' +
    'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ' +
    'UTC GMT EST EDT CST CDT MST MDT PST PDT CET CEST BST AM PM'
  ).split(' '),
)

/** Units: after a variable they belong to it, as `1.13 KB` and `64 bytes` are both an amount. */
export const UNITS: ReadonlySet<string> = new Set(
  'B kB KB MB GB TB KiB MiB GiB byte bytes ns us ms s sec secs second seconds min minutes hours'.split(' '),
)

/** Values that are words. */
export const VALUE_WORDS: ReadonlySet<string> = new Set(['true', 'false', 'null'])

/** After one of these comes a name: two different ones are enough to tell that it varies. */
export const BEFORE_NAMES: ReadonlySet<string> = new Set(
  'user users username for host hostname account login client'.split(' '),
)

/** Longest word of the sets of words above that masking looks up. */
export const KNOWN_WORD_CHARS_MAX = 9
