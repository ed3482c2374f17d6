import { join } from 'node:path'
import { AssetHashType, DockerImage } from 'aws-cdk-lib'
import { Code } from 'aws-cdk-lib/aws-lambda'
import { bundleFunction } from './bundling.ts'
import { FUNCTIONS } from './functions.ts'

/** The code of functions/NAME. */
export type CodeOf = (name: string) => Code

/**
 * The bundle of a function as an asset, made once and shared by the functions of all streams (NodejsFunction would
 * bundle again for each: four times the number of streams). Bundles on this machine only, never in Docker.
 */
export function bundledCode(): CodeOf {
  const codes = new Map<string, Code>()
  return (name) => {
    const known = codes.get(name)
    if (known !== undefined) return known
    const code = Code.fromAsset(join(FUNCTIONS, name), {
      assetHashType: AssetHashType.OUTPUT,
      bundling: {
        image: DockerImage.fromRegistry('docker-is-never-used'),
        local: {
          tryBundle: (outDir) => {
            bundleFunction(name, outDir)
            return true
          },
        },
      },
    })
    codes.set(name, code)
    return code
  }
}
