import { Stack } from 'aws-cdk-lib'
import { CfnDatabase, CfnTable } from 'aws-cdk-lib/aws-glue'
import type { Bucket } from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import { hiveColumnsOf } from '../formats/parquet-schema.ts'
import { symlinksPrefix } from '../master/keys.ts'
import type { Stream } from '../stream/define.ts'
import type { Settings } from './settings.ts'

export interface MasterTablesProps {
  readonly settings: Settings
  readonly bucket: Bucket
  readonly streams: Iterable<Stream>
}

/** The first day Athena looks for. */
const FIRST_DAY = '2020-01-01'

/**
 * A table in the Glue catalogue for each stream's master. It reads lists of files made from the manifests, by hour
 * (lib/master/symlinks.ts), and never what lies in the folders: those hold files that are replaced or were never
 * committed. Hours need no crawler: their names are projected.
 */
export class MasterTables extends Construct {
  readonly databaseName: string

  constructor(scope: Construct, id: string, { settings, bucket, streams }: MasterTablesProps) {
    super(scope, id)
    this.databaseName = `weir_${settings.site.replaceAll('-', '_')}`
    const catalogId = Stack.of(this).account
    const database = new CfnDatabase(this, 'Database', {
      catalogId,
      databaseInput: { name: this.databaseName, description: 'The masters of all streams' },
    })
    for (const stream of streams) {
      const table = new CfnTable(this, `Of-${stream.name}`, {
        catalogId,
        databaseName: this.databaseName,
        tableInput: tableOf(stream, `s3://${bucket.bucketName}/${symlinksPrefix(stream.name)}`),
      })
      table.addDependency(database)
    }
  }
}

function tableOf(stream: Stream, location: string): CfnTable.TableInputProperty {
  return {
    name: stream.name.replaceAll('-', '_'),
    description: `Every record of ${stream.name} once, as archived at the last publish or compaction`,
    tableType: 'EXTERNAL_TABLE',
    partitionKeys: [
      { name: 'weir_date', type: 'string' },
      { name: 'weir_hour', type: 'string' },
    ],
    parameters: {
      EXTERNAL: 'TRUE',
      'projection.enabled': 'true',
      'projection.weir_date.type': 'date',
      'projection.weir_date.format': 'yyyy-MM-dd',
      'projection.weir_date.range': `${FIRST_DAY},NOW+1DAYS`,
      'projection.weir_hour.type': 'integer',
      'projection.weir_hour.range': '0,23',
      'projection.weir_hour.digits': '2',
      'storage.location.template': `${location}date=\${weir_date}/hour=\${weir_hour}/`,
    },
    storageDescriptor: {
      columns: [...hiveColumnsOf(stream.columns)],
      location,
      inputFormat: 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat',
      outputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
      serdeInfo: { serializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' },
    },
  }
}
