import { App } from 'aws-cdk-lib'
import { addChecks } from '../lib/infra/nag.ts'
import { readSettings, SettingError } from '../lib/infra/settings.ts'
import { WeirStack } from '../lib/infra/weir-stack.ts'
import { streams } from '../streams/index.ts'

/** What CloudFormation lets a stack hold, and about what the shared parts and each stream take. */
const RESOURCES_MAX = 500
const RESOURCES_SHARED = 171
const RESOURCES_A_STREAM = 53

function synth(): void {
  const app = new App()
  const settings = readSettings((name) => app.node.tryGetContext(name))
  checkRoom(streams.size)
  addChecks(app)
  new WeirStack(app, `Weir-${settings.site}`, {
    settings,
    streams,
    description: 'Weir: exact streaming views, explained alerts and a master that keeps everything',
  })
  app.synth()
}

/** CloudFormation would say so with a count and no remedy. */
function checkRoom(count: number): void {
  const most = Math.floor((RESOURCES_MAX - RESOURCES_SHARED) / RESOURCES_A_STREAM)
  if (count <= most) return
  throw new SettingError(
    `${count} streams do not fit into a stack of ${RESOURCES_MAX} resources, ${most} do: deploy the others as a site of their own (-c site=NAME, docs/operations.md)`,
  )
}

try {
  synth()
} catch (error) {
  if (!(error instanceof SettingError)) throw error
  process.stderr.write(`weir: ${error.message}\n`)
  process.exitCode = 1
}
