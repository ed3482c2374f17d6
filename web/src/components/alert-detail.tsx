import { useState } from 'preact/hooks'
import type { Alert } from '../../../lib/serve/dashboard-messages.ts'
import type { Reason } from '../../../lib/stream/detector.ts'
import { useFeed, useSession } from '../context.ts'
import { count, duration, fieldText, fullTime, percent } from '../format.ts'
import { CopyButton } from './copy-button.tsx'
import { Drawer } from './drawer.tsx'
import { IncidentActions } from './incident-actions.tsx'

/** Everything about one incident; it goes on growing while it is open. */
export function AlertDetail({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const session = useSession()
  // Rendered with the list, but read past a pause: the panel is live.
  useFeed((view) => view)
  const [last, setLast] = useState<Alert>()
  const alert = session.feed.find(id) ?? last
  if (alert === undefined) return null
  if (alert !== last) setLast(alert)
  return (
    <Drawer
      title={alert.title}
      subject={alert.id}
      above={<span class={`severity ${alert.severity}`}>{alert.severity}</span>}
      onClose={onClose}
    >
      <Facts alert={alert} />
      <IncidentActions alert={alert} onClose={onClose} />
      <h3>Score</h3>
      <ScoreMeter alert={alert} />
      {alert.reasons.length > 0 && <h3>Why</h3>}
      <Reasons reasons={alert.reasons} />
      <RecordTable alert={alert} />
      <h3>
        Where it lies
        <CopyButton label="Copy id" text={originId(alert)} />
      </h3>
      <p class="origin mono">{originId(alert)}</p>
    </Drawer>
  )
}

function Facts({ alert }: { readonly alert: Alert }) {
  const { count: alertCount, firstSeenMs, lastSeenMs, group, model } = alert
  return (
    <dl class="facts">
      <div>
        <dt>Alerts in it</dt>
        <dd>{count(alertCount)}</dd>
      </div>
      <div>
        <dt>Lasted</dt>
        <dd>{lastSeenMs === firstSeenMs ? 'one moment' : duration(lastSeenMs - firstSeenMs)}</dd>
      </div>
      <div>
        <dt>Group</dt>
        <dd>{group}</dd>
      </div>
      <div>
        <dt>First seen</dt>
        <dd>{fullTime(firstSeenMs)}</dd>
      </div>
      <div>
        <dt>Last seen</dt>
        <dd>{fullTime(lastSeenMs)}</dd>
      </div>
      <div>
        <dt>Model</dt>
        <dd>{model}</dd>
      </div>
    </dl>
  )
}

/** From 0 to a round figure above both score and threshold: detectors differ in scale. */
function ScoreMeter({ alert }: { readonly alert: Alert }) {
  const { score, threshold, severity } = alert
  const top = Math.max(score, threshold) <= 1 ? 1 : Math.max(score, threshold) * 1.15
  const at = (value: number) => `${Math.max(0, Math.min(100, (value / top) * 100)).toFixed(1)}%`
  return (
    <div>
      <div class="reason-head">
        <b style="font-weight:600">{score.toFixed(3)}</b>
        <span>{threshold === 0 ? '' : `${(score / threshold).toFixed(2)} × the threshold`}</span>
      </div>
      <div class="meter" style={`color:var(--${severity}-fill)`}>
        <i style={`width:${at(score)}`} />
        <span style={`left:${at(threshold)}`}>
          <em>threshold {threshold.toFixed(3)}</em>
        </span>
      </div>
    </div>
  )
}

function Reasons({ reasons }: { readonly reasons: readonly Reason[] }) {
  return (
    <ul class="reasons">
      {reasons.map(({ feature, value, share, text }) => (
        <li class="reason" key={feature}>
          <div class="reason-head">
            <code>
              {feature} = {fieldText(value)}
            </code>
            <span>{percent(share)}</span>
          </div>
          <div class="reason-bar">
            <i style={`width:${Math.max(1, Math.min(100, share * 100))}%`} />
          </div>
          <p>{text}</p>
        </li>
      ))}
    </ul>
  )
}

function RecordTable({ alert }: { readonly alert: Alert }) {
  const [all, setAll] = useState(false)
  const reasoned = new Set(alert.reasons.map(({ feature }) => feature))
  const fields = Object.entries(alert.record)
  const shown = all ? fields : fields.filter(([name, value]) => reasoned.has(name) || !isVoid(value))
  const voids = fields.length - shown.length
  return (
    <>
      <h3>
        {alert.count === 1 ? 'The record' : 'Its highest scoring record'}
        <CopyButton label="Copy JSON" text={JSON.stringify(alert.record, null, 2)} />
      </h3>
      {alert.recordCut === true && (
        <p class="tone-warn">Long values are left out here. The alert log has them whole: npx weir alerts</p>
      )}
      <table class="record">
        <tbody>
          {shown.map(([name, value]) => (
            <tr key={name} class={reasoned.has(name) ? 'reasoned' : ''}>
              <th scope="row">{name}</th>
              <td class="mono">{fieldText(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {(voids > 0 || all) && (
        <p style="margin-top:8px">
          <button type="button" class="button small" onClick={() => setAll(!all)}>
            {all ? 'Hide empty fields and zeros' : `Show ${voids} empty fields and zeros`}
          </button>
        </p>
      )}
    </>
  )
}

function isVoid(value: unknown): boolean {
  return value === 0 || value === '' || value === null || value === undefined
}

function originId({ origin }: Alert): string {
  return `${origin.site}/${origin.topic}/${origin.partition}/${origin.offset}`
}
