import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import './styles/tokens.css'
import './styles/base.css'
import './styles/layout.css'
import './styles/ledger.css'
import './styles/panels.css'
import './styles/drawer.css'
import { App } from './app.tsx'
import { Session } from './state/session.ts'

const session = new Session()
const root = document.getElementById('app')
if (root === null) throw new Error('index.html has no element with the id "app"')
render(<App session={session} />, root)
addEventListener('hashchange', () => session.select(location.hash.slice(1)))
void session.start()
