import { connectUrl } from '../lib/aws/connect-url.ts'
import { standardCredentials } from '../lib/aws/http/credentials.ts'

/** Prints a signed address of a deployment's WebSocket API, good for five minutes: `npm run -s connect-url -- wss://...` */
const [url] = process.argv.slice(2)
if (url === undefined) {
  process.stderr.write('usage: npm run -s connect-url -- wss://ID.execute-api.REGION.amazonaws.com/v1\n')
  process.exit(2)
}
try {
  const credentials = await standardCredentials(process.env)()
  process.stdout.write(`${connectUrl(url, credentials, Date.now())}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
