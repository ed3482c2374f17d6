import { isServed } from '../lib/local/host-socket.ts'
import { type CommonOptions, say, serversOf } from './command.ts'

/** Says what takes in the records of a data folder where nothing does: in the log alone they are in no view and no master. */
export async function sayWhatTakesIn(options: CommonOptions): Promise<void> {
  if (options.json === true || serversOf(options).WEIR_BROKERS) return
  if (await isServed(options.data)) return
  const data = options.data === '.weir' ? '' : ` --data ${options.data}`
  say(`no pipeline runs on ${options.data}: records wait in the log until \`weir dev${data}\` takes them in`)
}
