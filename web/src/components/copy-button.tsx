import { useState } from 'preact/hooks'
import { CopyIcon } from './icons.tsx'

/** Puts text on the clipboard and says so. */
export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [said, setSaid] = useState<string>()
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setSaid('Copied')
    } catch {
      // A page without HTTPS may not be allowed to.
      setSaid('Not allowed here')
    }
    setTimeout(() => setSaid(undefined), 1_500)
  }
  return (
    <button type="button" class="button plain small" onClick={() => void copy()}>
      <CopyIcon /> {said ?? label}
    </button>
  )
}
