import { describe, expect, it } from 'vitest'
import { layersText } from '../../web/src/state/layers.ts'

const HORIZON = '2026-01-31T12:00:00.000Z'

describe('what the page says of layers', () => {
  it('says where they meet', () => {
    expect(layersText({ horizon: HORIZON, since: null }, 'merged')).toMatch(
      /^Batch view up to .*, speed layer from there on\.$/,
    )
    expect(layersText({ horizon: HORIZON, since: null }, 'batch')).toMatch(/^Records appended before /)
    expect(layersText({ horizon: Date.parse(HORIZON) }, 'speed')).toMatch(/^Records appended from /)
  })

  it('says that there is no batch view yet', () => {
    for (const horizon of [null, 0])
      expect(layersText({ horizon, since: null }, 'merged')).toBe(
        'No batch view yet: everything comes from the speed layer.',
      )
    expect(layersText({ horizon: null }, 'batch')).toBe('No batch view yet: a recompute makes one.')
  })

  it('says what a newer view lacks', () => {
    expect(layersText({ horizon: null, since: HORIZON }, 'merged')).toMatch(
      /newer than some records: .* next recompute\.$/,
    )
  })
})
