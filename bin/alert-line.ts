import type { Alert } from '../lib/stream/alert.ts'

/** An alert, or an incident, as one line for people. */
export function alertLine(alert: Alert): string {
  const { severity, score, count, title, reasons, id, lastSeenMs } = alert
  const time = new Date(lastSeenMs).toISOString().slice(0, 19).replace('T', ' ')
  const times = count > 1 ? ` (${count.toLocaleString('en-US')} times)` : ''
  const why = reasons[0] === undefined ? '' : `; ${reasons[0].text}`
  return `${time}  ${severity.padEnd(8)}  ${score.toFixed(3)}  ${plain(`${title}${times}${why}`)}  [${id}]`
}

/** Records come from anywhere: nothing in them may steer the terminal. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, '�')
}
