import { describe, inject, type ProvidedContext } from 'vitest'

type Kind = 'kafka' | 'dynamodb' | 's3' | 'signedS3'
type ServerOf<K extends Kind> = Extract<ProvidedContext[K], { server: unknown }>['server']

/** Registers tests that need a server; where it could not be started they are skipped, and their name says why. */
export function onServer<K extends Kind>(kind: K, register: (server: ServerOf<K>) => void): void {
  const provided = inject(kind)
  if ('missing' in provided) describe.skip(`on ${kind}: ${provided.missing}`, () => {})
  else register(provided.server as ServerOf<K>)
}
