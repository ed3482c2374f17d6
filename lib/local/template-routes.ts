import { markNormal } from '../batch/templates.ts'
import type { TemplatesAnswer } from '../serve/dashboard-messages.ts'
import { TemplateBaselines } from '../serve/template-baseline.ts'
import { ModelRegistryError } from '../state/models.ts'
import type { Stream } from '../stream/define.ts'
import type { DetectorDefinition } from '../stream/detector.ts'
import type { Running } from './dev-routes.ts'
import { HttpError, type Route } from './http-api.ts'

const TEMPLATE_ID = /^[0-9a-f]{16}$/

/** The routes of streams that are scored by templates: what the model knows, and `weir templates normal`. */
export function templateRoutes(
  running: () => Pick<Running, 'ports' | 'streams'>,
): Readonly<Record<string, Route>> {
  const baselines = new TemplateBaselines()
  return {
    'GET /api/templates': ({ query }): Promise<TemplatesAnswer> => {
      const { ports, streams } = running()
      const { name, detector } = templateStream(streams, query.get('stream'))
      return baselines.answer(ports, name, detector)
    },
    'POST /api/templates/normal': async ({ body }) => {
      const { stream, templateId, undo } = membersOf(body)
      const { ports, streams } = running()
      const { name } = templateStream(streams, stream)
      if (typeof templateId !== 'string' || !TEMPLATE_ID.test(templateId))
        throw new HttpError(400, 'BAD_TEMPLATE', 'templateId must have 16 hexadecimal digits')
      const marked = await mark(ports, name, templateId, undo === true)
      if (marked === undefined)
        throw new HttpError(409, 'NO_MODEL', `${name} has no model yet: npx weir train ${name}`)
      return marked
    },
  }
}

function membersOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? { ...body } : {}
}

function templateStream(
  streams: ReadonlyMap<string, Stream>,
  name: unknown,
): { readonly name: string; readonly detector: DetectorDefinition } {
  const stream = typeof name === 'string' ? streams.get(name) : undefined
  const detector = stream?.detector
  if (stream !== undefined && detector?.kind === 'templates') return { name: stream.name, detector }
  throw new HttpError(404, 'NO_SUCH_STREAM', `no stream ${JSON.stringify(name)} is scored by templates`)
}

async function mark(ports: Running['ports'], stream: string, templateId: string, undo: boolean) {
  try {
    return await markNormal(ports, stream, [templateId], { undo })
  } catch (error) {
    if (error instanceof ModelRegistryError) throw new HttpError(409, 'MODEL_CHANGED', error.message)
    throw error
  }
}
