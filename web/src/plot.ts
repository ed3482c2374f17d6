import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { useStore } from './state/store.ts'
import { colourEpoch } from './theme.ts'

/**
 * A uPlot chart in the element of the returned ref, as large as that element. `make` gives its options and is called
 * again, and the chart made anew, when `shape` or the page's colours change; new data alone is only drawn.
 */
export function usePlot(
  make: () => Omit<uPlot.Options, 'width' | 'height'>,
  data: uPlot.AlignedData,
  shape: string,
): RefObject<HTMLDivElement | null> {
  const element = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const latest = useRef({ make, data })
  latest.current = { make, data }
  const colours = useStore(colourEpoch, (epoch) => epoch)
  useEffect(() => {
    const host = element.current
    if (host === null) return
    const size = () => ({ width: Math.max(40, host.clientWidth), height: Math.max(40, host.clientHeight) })
    const chart = new uPlot({ ...latest.current.make(), ...size() }, latest.current.data, host)
    plot.current = chart
    const observer = new ResizeObserver(() => chart.setSize(size()))
    observer.observe(host)
    return () => {
      observer.disconnect()
      chart.destroy()
      plot.current = undefined
    }
  }, [shape, colours])
  useEffect(() => {
    plot.current?.setData(data)
  }, [data])
  return element
}
