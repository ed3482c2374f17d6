import type { Part } from '../../lib/serve/dashboard-messages.ts'
import { usePage } from './context.ts'

/** The parts that work for the stream on the page; undefined before the first answer. */
export function useParts(): readonly Part[] | undefined {
  const parts = usePage((state) => state.status?.parts)
  const stream = usePage((state) => state.stream)
  return parts?.filter((part) => part.stream === undefined || part.stream === stream)
}
