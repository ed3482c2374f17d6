import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, buildSync } from 'esbuild'
import { FUNCTIONS, functionNames, PROJECT } from './functions.ts'

/**
 * One file a function, nothing external: the SDK that Lambda brings changes under a running function, this one does
 * not. The CDK app and `npm run bundle` share these options, so what was measured is what is deployed.
 */
function options(name: string, outDir: string): BuildOptions {
  return {
    entryPoints: [join(FUNCTIONS, name, 'index.ts')],
    outfile: join(outDir, 'index.mjs'),
    absWorkingDir: PROJECT,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    minifySyntax: true,
    minifyWhitespace: true,
    // Names stay as they are, for stack traces: a source map would be larger than the code, and `keepNames` wraps every
    // function at run time, those of hot loops too.
    minifyIdentifiers: false,
    legalComments: 'none',
    logLevel: 'warning',
  }
}

/** Bundles functions/NAME/index.ts to `outDir`/index.mjs. Returns its size in bytes. Throws where there is no such function. */
export function bundleFunction(name: string, outDir: string): number {
  if (!functionNames().includes(name))
    throw new Error(`no functions/${name}/index.ts (there are: ${functionNames().join(', ')})`)
  buildSync(options(name, outDir))
  return statSync(join(outDir, 'index.mjs')).size
}
