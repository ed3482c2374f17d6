import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from './fd-io.ts'
import type { RecoveryPoint } from './file-recovery.ts'

/** Of every partition of every topic, by topic id, so that a topic made anew starts from nothing. */
export type RecoveryPoints = Readonly<Record<string, readonly RecoveryPoint[]>>

const fileOf = (dir: string): string => join(dir, 'recovery-points.json')

/**
 * The points last written. Where there are none, or a power cut has damaged the file, none are known: the log then
 * checks its last segments from their beginning, and what was cut from their ends goes unnoticed.
 */
export function readRecoveryPoints(dir: string): RecoveryPoints {
  try {
    return JSON.parse(readFileSync(fileOf(dir), 'utf8')) as RecoveryPoints
  } catch {
    return {}
  }
}

/** Only of what is on disk for certain: a log that does not reach its point is refused as CORRUPT. */
export function writeRecoveryPoints(dir: string, pointsJson: string): void {
  writeFileAtomic(fileOf(dir), pointsJson, false)
}

export function forgetRecoveryPoints(dir: string): void {
  rmSync(fileOf(dir), { force: true })
}
