import { createServer } from 'node:http'

/** A server that answers every request at once with an item of 3 kB, in a process of its own: the clients' cost alone. */
const body = JSON.stringify({
  Item: {
    pk: { S: 'p' },
    sk: { S: 's' },
    rev: { S: '1' },
    data: { B: Buffer.alloc(3000, 1).toString('base64') },
  },
})
const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.setHeader('content-type', 'application/x-amz-json-1.0')
    response.end(body)
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address !== null) process.send?.(`http://127.0.0.1:${address.port}`)
})
