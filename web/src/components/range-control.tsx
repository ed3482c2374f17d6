import type { RangeName } from '../state/ranges.ts'

/** Which stretch of event time a panel shows. */
export function RangeControl(props: {
  readonly names: readonly RangeName[]
  readonly value: RangeName
  readonly onChange: (name: RangeName) => void
}) {
  const { names, value, onChange } = props
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset brings layout of its own
    <div class="segments" role="group" aria-label="Time range">
      {names.map((name) => (
        <button type="button" key={name} aria-pressed={name === value} onClick={() => onChange(name)}>
          {name}
        </button>
      ))}
    </div>
  )
}
