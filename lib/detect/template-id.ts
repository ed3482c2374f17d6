/**
 * The id of a template: 16 hex digits, a hash of its text. So the same template has the same id in every model, and a line
 * that no template is known for has one too, that of its masked text. Two of 100,000 templates meet with a chance of
 * 3 in 10^10. cyrb53 (public domain, bryc), with both halves kept whole.
 */
export function templateIdOf(text: string): string {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 2654435761)
    b = Math.imul(b ^ code, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return hex(b) + hex(a)
}

function hex(x: number): string {
  return (x >>> 0).toString(16).padStart(8, '0')
}
