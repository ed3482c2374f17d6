import { expect, test } from 'vitest'
import { ofType, resourcesWith } from './synth.ts'

const resources = resourcesWith()

test('Athena reads every stream by the lists of its manifests, with the columns its files have', () => {
  const tables = ofType(resources, 'AWS::Glue::Table').map(([, { Properties }]) => Properties)
  expect(tables).toHaveLength(1)
  const [table] = tables
  expect(table?.DatabaseName).toBe('weir_main')
  const input = table?.TableInput as Record<string, Record<string, unknown>>
  expect(input.Name).toBe('sensors')
  const storage = input.StorageDescriptor as Record<string, unknown>
  expect(storage.InputFormat).toBe('org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat')
  expect(JSON.stringify(storage.Location)).toContain('/master/sensors/_symlinks/')
  expect(JSON.stringify(input.Parameters?.['storage.location.template'])).toContain(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Athena fills it in.
    'master/sensors/_symlinks/date=${weir_date}/hour=${weir_hour}/',
  )
  const columns = storage.Columns as readonly { Name: string; Type: string }[]
  const types = Object.fromEntries(columns.map(({ Name, Type }) => [Name, Type]))
  expect(types).toMatchObject({
    weir_offset: 'bigint',
    weir_append_time: 'timestamp',
    weir_raw: 'binary',
    weir_partition: 'int',
  })
  expect(new Set(columns.map(({ Name }) => Name)).size).toBe(columns.length)
  expect(ofType(resources, 'AWS::Glue::Database')).toHaveLength(1)
})
