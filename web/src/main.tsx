import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import './styles/tokens.css'
import './styles/base.css'
import './styles/layout.css'
import './styles/ledger.css'
import './styles/panels.css'
import './styles/drawer.css'
import './styles/pages.css'
import './styles/bars.css'
import './styles/trends.css'
import { App } from './app.tsx'
import { Session, streamOfHash } from './state/session.ts'

const session = new Session()
const root = document.getElementById('app')
if (root === null) throw new Error('index.html has no element with the id "app"')
render(<App session={session} />, root)
addEventListener('hashchange', () => {
  const name = streamOfHash(location.hash)
  if (name !== undefined) session.select(name)
})
void session.start()
