import { describe, expect, it } from 'vitest'
import { progressText } from '../../bin/progress.ts'

describe('progressText', () => {
  it('is a bar, how far it is, and what it says', () => {
    expect(progressText({ done: 50, total: 100, text: '7 records' }, 80)).toBe(
      '████████████░░░░░░░░░░░░  50% 7 records',
    )
  })

  it('never overflows, neither its bar nor the line', () => {
    expect(progressText({ done: 300, total: 100, text: 'x'.repeat(100) }, 40)).toHaveLength(39)
    expect(progressText({ done: 300, total: 100, text: '' }, 80)).toContain('100%')
  })

  it('leaves the bar out where nobody knows the end', () => {
    expect(progressText({ done: 5, text: '5 records' }, 80)).toBe('5 records')
    expect(progressText({ done: 5, total: 0, text: '5 records' }, 80)).toBe('5 records')
  })
})
