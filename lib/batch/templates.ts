import { templateIdOf } from '../detect/template-id.ts'
import { textOf } from '../detect/template-mask.ts'
import { type TemplateModel, templateModelFromBytes, templateModelToBytes } from '../detect/template-model.ts'
import type { Ports } from '../ports/ports.ts'
import { activeModel, listModels, modelBytes, publishModel } from '../state/models.ts'

/** A template of the active model, as people ask for it. */
export interface ListedTemplate {
  readonly templateId: string
  readonly template: string
  /** Lines of it, of those the model was made of. */
  readonly count: number
  readonly share: number
  readonly normal: boolean
  /** One of its lines. */
  readonly example: string
}

type RegistryPorts = Pick<Ports, 'keyed' | 'objects' | 'clock'>

/** The templates of the model that scores `stream`, commonest first; undefined where there is no model yet. */
export async function activeTemplates(
  ports: RegistryPorts,
  stream: string,
): Promise<readonly ListedTemplate[] | undefined> {
  const model = (await active(ports, stream))?.model
  if (model === undefined) return undefined
  const normal = new Set(model.normal)
  return model.templates
    .map(({ parts, count, example }) => {
      const template = textOf(parts)
      const templateId = templateIdOf(template)
      const share = count / Math.max(1, model.lines)
      return { templateId, template, count, share, normal: normal.has(templateId), example }
    })
    .sort((a, b) => b.count - a.count || (a.templateId < b.templateId ? -1 : 1))
}

/**
 * Says of templates that they are normal, or takes that back: from the next two seconds on no line of theirs is an alert. The mark
 * is a model of its own, the active one with the mark, so it can be rolled back to and is kept by every later training.
 * Undefined where there is no model yet. Throws a ModelRegistryError where a training has published meanwhile.
 */
export async function markNormal(
  ports: RegistryPorts,
  stream: string,
  templateIds: readonly string[],
  { undo = false }: { readonly undo?: boolean } = {},
): Promise<{ readonly version: string; readonly normal: readonly string[] } | undefined> {
  const standing = await active(ports, stream)
  if (standing === undefined) return undefined
  const marks = new Set(standing.model.normal)
  for (const id of templateIds) {
    if (undo) marks.delete(id)
    else marks.add(id)
  }
  const normal = [...marks].sort()
  const listed = (await listModels(ports, stream)).find(({ version }) => version === standing.version)
  const report = { ...listed?.report, normal: normal.length }
  const bytes = templateModelToBytes({ ...standing.model, normal })
  const { version } = await publishModel(ports, stream, { bytes, report }, { parent: standing.version })
  return { version, normal }
}

async function active(
  ports: RegistryPorts,
  stream: string,
): Promise<{ readonly version: string; readonly model: TemplateModel } | undefined> {
  const version = (await activeModel(ports, stream))?.version
  if (version === undefined) return undefined
  return { version, model: templateModelFromBytes(await modelBytes(ports, stream, version)) }
}
