import { request } from 'node:http'
import type { Part, Status } from '../../lib/serve/dashboard-messages.ts'
import { freePort } from '../support/free-port.ts'
import { documentOf, eventually, type StartOptions, WeirProcess } from './weir.ts'

/** An answer of the HTTP API. */
export interface HttpAnswer {
  readonly status: number
  readonly body: unknown
}

/** A `weir dev` as a process of its own. */
export class Site {
  readonly process: WeirProcess
  readonly url: string

  private constructor(process: WeirProcess, url: string) {
    this.process = process
    this.url = url
  }

  /** Starts `weir dev --json` on a data folder; resolves when it has said where it is. */
  static async start(data: string, args: readonly string[] = [], options: StartOptions = {}): Promise<Site> {
    const port = String(await freePort())
    const dev = new WeirProcess(['dev', '--data', data, '--json', '--port', port, ...args], options)
    const failed = dev.ended.then(({ err }) => Promise.reject(new Error(`weir dev ended: ${err}`)))
    const said = eventually('weir dev to start', () => (dev.out.includes('\n') ? dev.out : undefined))
    // One of them is left behind.
    for (const either of [said, failed]) either.catch(() => undefined)
    const { url, pid } = documentOf<{ url: string; pid: number }>({ out: await Promise.race([said, failed]) })
    if (pid !== dev.pid) throw new Error(`weir dev says it is process ${pid}, it is ${dev.pid}`)
    return new Site(dev, url)
  }

  get port(): string {
    return new URL(this.url).port
  }

  get webSocketUrl(): string {
    return `${this.url.replace('http', 'ws')}/ws`
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
    return this.#send('GET', path, headers)
  }

  post(path: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
    return this.#send('POST', path, headers, body)
  }

  async status(): Promise<Status> {
    return (await this.get('/api/status')).body as Status
  }

  async part(id: string): Promise<Part> {
    const part = (await this.status()).parts.find((one) => one.id === id)
    if (part === undefined) throw new Error(`there is no part ${id}`)
    return part
  }

  /** `fetch` would set Host and Origin itself. */
  #send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const sent = request(`${this.url}${path}`, { method, headers, agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('error', reject)
        response.on('end', () => {
          const isJson = response.headers['content-type']?.includes('json') === true
          resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text })
        })
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }
}
