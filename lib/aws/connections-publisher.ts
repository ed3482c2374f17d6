import { PortError } from '../ports/errors.ts'
import type { Publisher } from '../ports/publisher.ts'
import { AwsClient, type AwsClientSettings, refusalOf } from './http/aws-client.ts'
import { uriEncode } from './http/sign.ts'
import type { HttpAnswer } from './http/transport.ts'
import { CONNECTIONS_FRAME_BYTES_MAX } from './limits.ts'

/** Frames by API Gateway's `@connections`: one POST a frame, one at a time for each connection. */
export class ConnectionsPublisher implements Publisher {
  readonly maxFrameBytes = CONNECTIONS_FRAME_BYTES_MAX
  readonly #client: AwsClient
  /** The last frame on its way to a connection: the next waits for it, so that frames keep their order. */
  readonly #last = new Map<string, Promise<unknown>>()

  /** `endpoint` is the stage's `https://...execute-api...amazonaws.com/stage`. */
  constructor(settings: Omit<AwsClientSettings, 'service'>) {
    this.#client = new AwsClient({ ...settings, service: 'execute-api' })
  }

  async send(connectionId: string, frame: string): Promise<'sent' | 'gone'> {
    const body = Buffer.from(frame, 'utf8')
    if (body.length > this.maxFrameBytes) throw tooLarge(body.length)
    const before = this.#last.get(connectionId)
    const mine = this.#post(connectionId, body, before)
    this.#last.set(connectionId, mine)
    const forget = (): boolean => this.#last.get(connectionId) === mine && this.#last.delete(connectionId)
    mine.then(forget, forget)
    return mine
  }

  async close(): Promise<void> {
    this.#client.close()
  }

  async #post(
    connectionId: string,
    body: Buffer,
    before: Promise<unknown> | undefined,
  ): Promise<'sent' | 'gone'> {
    await before?.catch(() => {})
    const path = `/@connections/${uriEncode(connectionId)}`
    const { answer } = await this.#client.send({ method: 'POST', path, body }, refusal)
    return isGone(answer) ? 'gone' : 'sent'
  }
}

function refusal(answer: HttpAnswer): PortError | undefined {
  if (answer.status === 200 || isGone(answer)) return undefined
  if (answer.status === 413) return tooLarge(undefined)
  const name = String(answer.headers['x-amzn-errortype'] ?? '').replace(/:.*$/, '')
  const refused = refusalOf(answer.status, name, '')
  return new PortError(refused.code, `push: ${refused.message}`, { curable: refused.curable })
}

/** 410 for a connection that has ended, 400 for an id that never was one. */
function isGone(answer: HttpAnswer): boolean {
  return (
    answer.status === 410 || (answer.status === 400 && /connectionId/i.test(answer.body.toString('utf8')))
  )
}

function tooLarge(sizeBytes: number | undefined): PortError {
  const size =
    sizeBytes === undefined ? 'API Gateway refuses a frame as too large' : `a frame of ${sizeBytes} bytes`
  return new PortError('FRAME_TOO_LARGE', `${size}: at most ${CONNECTIONS_FRAME_BYTES_MAX}`, {
    curable: false,
  })
}
