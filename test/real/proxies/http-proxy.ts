import { createServer, type Server, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SeenRequest {
  readonly method: string
  readonly path: string
  /** DynamoDB's operation; empty elsewhere. */
  readonly operation: string
  readonly body: string
}

/** `pass`: to the server. `lose`: to the server, and the answer is thrown away. Otherwise the answer given instead. */
export type Fate =
  | 'pass'
  | 'lose'
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body: string }

/** A proxy on loopback before an HTTP server; a test decides what becomes of each request, and when. */
export class HttpProxy {
  readonly endpoint: string
  decide: (request: SeenRequest) => Fate | Promise<Fate> = () => 'pass'
  /** Told of each refusal by the server itself, with what it said. */
  onRefusal: (request: SeenRequest, body: string) => void = () => undefined
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  static async start(target: string): Promise<HttpProxy> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const proxy = new HttpProxy(server)
    server.on('request', async (incoming, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks)
      const operation = String(incoming.headers['x-amz-target'] ?? '').replace(/^.*\./, '')
      const { method = '', url = '' } = incoming
      const seen = { method, path: url, operation, body: body.toString('latin1') }
      const fate = await proxy.decide(seen)
      if (typeof fate === 'object') {
        response.writeHead(fate.status, fate.headers ?? {}).end(fate.body)
        return
      }
      const onward = send(new URL(url, target), { method, headers: incoming.headers }, (answer) => {
        if (fate === 'lose') {
          answer.resume()
          answer.on('end', () => incoming.socket.destroy())
          return
        }
        const { statusCode = 502 } = answer
        if (statusCode >= 400) {
          let said = ''
          answer.on('data', (chunk: Buffer) => {
            said += chunk.toString('latin1')
          })
          answer.on('end', () => proxy.onRefusal(seen, said))
        }
        response.writeHead(statusCode, answer.headers)
        answer.pipe(response)
      })
      onward.on('error', () => incoming.socket.destroy())
      onward.end(body)
    })
    return proxy
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
