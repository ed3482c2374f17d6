import { templateIdOf } from '../detect/template-id.ts'
import { textOf } from '../detect/template-mask.ts'
import { type TemplateModel, templateModelFromBytes } from '../detect/template-model.ts'
import type { Ports } from '../ports/ports.ts'
import { activeModel, modelBytes } from '../state/models.ts'
import type { DetectorDefinition } from '../stream/detector.ts'
import type { TemplateSummary, TemplatesAnswer } from './dashboard-messages.ts'

export type BaselinePorts = Pick<Ports, 'keyed' | 'objects'>

/** What the model that scores a stream knows of its templates. A model is read once: its version names it. */
export class TemplateBaselines {
  readonly #known = new Map<string, TemplatesAnswer>()

  /** `detector`: the stream's, which knows what its model calls rare. */
  async answer(
    ports: BaselinePorts,
    stream: string,
    detector: Pick<DetectorDefinition, 'load'>,
  ): Promise<TemplatesAnswer> {
    const version = (await activeModel(ports, stream))?.version
    if (version === undefined) return { version: null, lines: 0, slotMs: 0, templates: [] }
    const known = this.#known.get(stream)
    if (known?.version === version) return known
    const answer = templatesOf(await modelBytes(ports, stream, version), version, detector)
    this.#known.set(stream, answer)
    return answer
  }
}

/** What a model's bytes say. Throws on bytes that are no model of templates. */
export function templatesOf(
  bytes: Uint8Array,
  version: string,
  detector: Pick<DetectorDefinition, 'load'>,
): TemplatesAnswer {
  const model = templateModelFromBytes(bytes)
  const scorer = detector.load(bytes, version)
  const scores = scorer.scores(model.templates.map(({ parts }) => ({ templateId: idOf(parts) })))
  return {
    version,
    lines: model.lines,
    slotMs: model.rates.slotMs,
    templates: summaries(model, (nth) => (scores[nth] ?? 0) >= scorer.threshold),
  }
}

function summaries(model: TemplateModel, isRare: (nth: number) => boolean): readonly TemplateSummary[] {
  const normal = new Set(model.normal)
  const usual = new Map<string, { source: string; linesASlot: number }[]>()
  for (const { templateId, source, mean } of model.rates.pairs) {
    const of = usual.get(templateId) ?? []
    of.push({ source, linesASlot: mean })
    usual.set(templateId, of)
  }
  return model.templates
    .map(({ parts, count, example }, nth): TemplateSummary => {
      const templateId = idOf(parts)
      return {
        templateId,
        template: textOf(parts),
        count,
        normal: normal.has(templateId),
        rare: isRare(nth),
        example,
        usual: usual.get(templateId) ?? [],
      }
    })
    .sort((a, b) => b.count - a.count || (a.templateId < b.templateId ? -1 : 1))
}

function idOf(parts: readonly string[]): string {
  return templateIdOf(textOf(parts))
}
