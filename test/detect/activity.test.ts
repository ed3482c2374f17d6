import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { activityOf } from '../../lib/detect/activity.ts'

const CONFIG = '../shared/data/nids/classification.config'

describe('activityOf', () => {
  it('knows a class by its name, and by its description in any case', () => {
    expect(activityOf('trojan-activity')).toBe('malware')
    expect(activityOf('A Network Trojan was detected')).toBe('malware')
    expect(activityOf('A NETWORK TROJAN was Detected')).toBe('malware')
    expect(activityOf('protocol-command-decode')).toBe('other')
    expect(activityOf('class 33')).toBe('other')
  })

  it.skipIf(!existsSync(CONFIG))(
    'reads Snort’s own descriptions as their names (skipped where absent)',
    () => {
      const lines = readFileSync(CONFIG, 'utf8').matchAll(/^config classification: ?([^,]+),([^,]+),/gm)
      const classes = [...lines].map(([, name = '', description = '']) => ({ name, description }))
      expect(classes.length).toBeGreaterThan(30)
      for (const { name, description } of classes)
        expect({ name, activity: activityOf(description.trim()) }).toEqual({
          name,
          activity: activityOf(name),
        })
      expect(new Set(classes.map(({ name }) => activityOf(name))).size).toBe(7)
    },
  )
})
