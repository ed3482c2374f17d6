import { PortError } from '../ports/errors.ts'
import { isEpochLength } from '../stream/epoch.ts'

/** The value of an environment variable. Throws MISCONFIGURED, naming it, where it is unset or empty. */
export function required(env: NodeJS.ProcessEnv, name: string, what: string): string {
  const value = env[name]
  if (value) return value
  throw new PortError('MISCONFIGURED', `${name} is not set: ${what}`, { curable: false })
}

/** One of the values allowed, the first where it is unset. Throws MISCONFIGURED on another. */
export function oneOf<const T extends string>(
  env: NodeJS.ProcessEnv,
  name: string,
  values: readonly [T, ...T[]],
): T {
  const value = env[name]
  if (!value) return values[0]
  const found = values.find((allowed) => allowed === value)
  if (found !== undefined) return found
  const message = `${name} is ${JSON.stringify(value)}, expected ${values.join(' or ')}`
  throw new PortError('MISCONFIGURED', message, { curable: false })
}

/** A number above zero. Throws MISCONFIGURED on anything else. */
export function positive(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const value = env[name]
  if (!value) return otherwise
  const number = Number(value)
  if (number > 0 && Number.isFinite(number)) return number
  const message = `${name} is ${JSON.stringify(value)}, expected a number above 0`
  throw new PortError('MISCONFIGURED', message, { curable: false })
}

/** WEIR_EPOCH_MS; undefined where it is unset. Throws MISCONFIGURED on what is no epoch's length. */
export function epochMsOf(env: NodeJS.ProcessEnv): number | undefined {
  const { WEIR_EPOCH_MS: text } = env
  if (!text) return undefined
  if (isEpochLength(Number(text))) return Number(text)
  const message = `WEIR_EPOCH_MS is ${JSON.stringify(text)}, expected milliseconds from 1000 up that divide a day`
  throw new PortError('MISCONFIGURED', message, { curable: false })
}
