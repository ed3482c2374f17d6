import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { Inbox } from '../inbox.ts'
import type { InputSession, LiveBlock, LiveInput } from '../live-input.ts'
import { SourceError, sourceError } from '../source-error.ts'
import { TcpFramer } from './tcp-framer.ts'

/** Held between the network and the log. When it is full, TCP senders wait and UDP messages are dropped and counted. */
const INBOX_BYTES_MAX = 8 * 1024 * 1024
/** What the kernel is asked to hold of UDP while this process is busy. */
const UDP_BUFFER_BYTES = 4 * 1024 * 1024
const UDP_MESSAGE_BYTES_MAX = 65_507
/** Messages in a row that go to one partition. */
const STRIDE = 1000

/**
 * A listener for syslog, over UDP (RFC 5426: one datagram, one message) or TCP (RFC 6587). Messages are records as they
 * came. Syslog acknowledges nothing, so it cannot be exact: what a sender has sent and this process has not read, or has
 * read and not appended (a fraction of a second) is lost when it is killed, and a UDP datagram may be lost on its way. Ended in order, it
 * appends all it has read.
 */
export function syslogInput(url: URL): LiveInput {
  const port = Number(url.port)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.port === '' || host === '')
    throw new SourceError(`${url.href}: say where to listen, as in ${url.protocol}//0.0.0.0:5514`)
  const listen = url.protocol === 'syslog+udp:' ? listenUdp : listenTcp
  return {
    name: url.href,
    async *read(session) {
      for (const { source } of session.known) session.forget(source)
      const inbox = new Inbox(INBOX_BYTES_MAX)
      let received = 0
      const post: Post = { inbox, add: (message) => inbox.add(message, received++) }
      const listener = await listen(host, port, post, session).catch((error: unknown) => {
        throw sourceError(url.href, error)
      })
      const stop = () => {
        listener.stop()
        inbox.wake()
      }
      session.signal.addEventListener('abort', stop, { once: true })
      if (session.signal.aborted) stop()
      try {
        yield* messages(inbox, session)
      } finally {
        stop()
      }
    },
  }
}

async function* messages(inbox: Inbox, session: InputSession): AsyncGenerator<LiveBlock, void> {
  // A source of this process alone: nobody can send these messages again.
  const source = await session.create({}, {})
  for (;;) {
    await inbox.some()
    const block = inbox.take()
    if (block !== undefined) yield { source, block, resume: {}, stride: STRIDE }
    else if (session.signal.aborted) return
  }
}

interface Post {
  readonly inbox: Inbox
  /** Each message in the order in which it was read. */
  readonly add: (message: Buffer) => void
}

interface Listener {
  stop(): void
}

async function listenUdp(
  host: string,
  port: number,
  { inbox, add }: Post,
  { notice }: InputSession,
): Promise<Listener> {
  const socket = createSocket({
    type: host.includes(':') ? 'udp6' : 'udp4',
    recvBufferSize: UDP_BUFFER_BYTES,
  })
  let dropped = 0
  socket.on('message', (message) => {
    if (message.length === 0 || message.length > UDP_MESSAGE_BYTES_MAX) return
    if (inbox.isFull) dropped++
    else add(message)
  })
  const reporting = setInterval(() => {
    if (dropped > 0) notice(`UDP port ${port}: ${dropped} messages dropped, the log does not keep up`)
    dropped = 0
  }, 1000)
  socket.bind(port, host)
  await once(socket, 'listening')
  return {
    stop: () => {
      clearInterval(reporting)
      try {
        socket.close()
      } catch {
        // Closed already.
      }
    },
  }
}

async function listenTcp(host: string, port: number, post: Post): Promise<Listener> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    void receive(socket, post)
  })
  server.listen(port, host)
  await once(server, 'listening')
  return {
    stop: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Reads no further while the inbox is full: then the sender's own writes wait. */
async function receive(socket: Socket, { inbox, add }: Post): Promise<void> {
  const framer = new TcpFramer()
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      for (const message of framer.push(chunk)) add(message)
      await inbox.room()
    }
    const last = framer.finish()
    if (last !== undefined) add(last)
  } catch {
    // A connection that broke off: what came of it whole is in the inbox.
  }
}
