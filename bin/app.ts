import { App } from 'aws-cdk-lib'
import { addChecks } from '../lib/infra/nag.ts'
import { readSettings, SettingError } from '../lib/infra/settings.ts'
import { WeirStack } from '../lib/infra/weir-stack.ts'
import { streams } from '../streams/index.ts'

function synth(): void {
  const app = new App()
  const settings = readSettings((name) => app.node.tryGetContext(name))
  addChecks(app)
  new WeirStack(app, `Weir-${settings.site}`, {
    settings,
    streams,
    description: 'Weir: exact streaming views, explained alerts and a master that keeps everything',
  })
  app.synth()
}

try {
  synth()
} catch (error) {
  if (!(error instanceof SettingError)) throw error
  process.stderr.write(`weir: ${error.message}\n`)
  process.exitCode = 1
}
