import { z } from 'zod'
import { AlertActions, type IncidentMark } from '../state/alert-actions.ts'
import { readCursor, writeCursor } from '../state/alert-cursor.ts'
import { AlertLog } from '../state/alert-log.ts'
import type { Running } from './dev-routes.ts'
import { HttpError, type Route } from './http-api.ts'

const incident = z.strictObject({
  stream: z.string(),
  id: z.string().min(1).max(200),
  state: z.enum(['acknowledged', 'closed', 'open']),
  /** Last alert of the incident that the one who says so has seen. */
  lastSeenMs: z.number().int().min(0),
  cursor: z
    .string()
    .refine((text) => readCursor(text) !== undefined, 'not a cursor')
    .optional(),
  note: z.string().optional(),
})

const suppression = z.strictObject({ stream: z.string(), group: z.string(), undo: z.boolean().optional() })

/** What people do about incidents, as `weir alerts ack`, `close`, `reopen` and `suppress` do it. */
export function incidentRoutes(
  running: () => Pick<Running, 'ports' | 'streams'>,
): Readonly<Record<string, Route>> {
  const actionsOf = (stream: string): AlertActions => {
    const { ports, streams } = running()
    if (!streams.has(stream))
      throw new HttpError(404, 'NO_SUCH_STREAM', `there is no stream ${JSON.stringify(stream)}`)
    return new AlertActions(stream, ports)
  }
  const endOf = async (stream: string): Promise<string> => {
    const { page } = await new AlertLog(stream, running().ports).end()
    return writeCursor({ page, index: 0 })
  }
  return {
    'POST /api/incidents': async ({ body }): Promise<{ readonly mark: IncidentMark | null }> => {
      const { stream, id, state, lastSeenMs, note, ...seen } = checked(incident, body)
      const actions = actionsOf(stream)
      if (state === 'open') {
        await actions.unmark(id)
        return { mark: null }
      }
      const cursor = seen.cursor ?? (await endOf(stream))
      const about = { state, lastSeenMs, cursor, ...(note === undefined ? {} : { note }) }
      return { mark: await refusals(() => actions.mark(id, about)) }
    },
    'POST /api/suppress': async ({ body }) => {
      const { stream, group, undo = false } = checked(suppression, body)
      const actions = actionsOf(stream)
      if (undo) await actions.unsuppress(group)
      else await refusals(() => actions.suppress(group))
      return { group, suppressed: !undo }
    },
  }
}

function checked<S extends z.ZodObject>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new HttpError(400, 'BAD_REQUEST', `${issue?.path.join('.') || 'the body'}: ${issue?.message}`)
}

/** What is too long or too many is the caller's to mend. */
async function refusals<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof RangeError) throw new HttpError(400, 'BAD_REQUEST', error.message)
    throw error
  }
}
