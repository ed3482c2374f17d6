import { createServer, type Server } from 'node:http'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  readonly port: number
}

export interface Answer {
  readonly status: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An AWS service that does as a test says. 'hang' never answers; 'cut' ends the connection instead. */
export class FakeService {
  readonly asked: Asked[] = []
  endpoint = ''
  readonly #server: Server

  constructor(reply: (asked: Asked, nth: number) => Answer | 'hang' | 'cut') {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url = '', headers, socket } = request
        const body = Buffer.concat(chunks).toString()
        const asked = { method, path: url, headers, body, port: socket.remotePort ?? 0 }
        this.asked.push(asked)
        const answer = reply(asked, this.asked.length - 1)
        if (answer === 'cut') socket.destroy()
        else if (answer !== 'hang') response.writeHead(answer.status, answer.headers).end(answer.body)
      })
    })
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (typeof address === 'object') this.endpoint = `http://127.0.0.1:${address?.port}`
    return this
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

export const TEST_KEYS = { accessKeyId: 'test', secretAccessKey: 'test' }
