/** Every row as JSON: bytes as base64, times as ms. */
const PRINT = `
import sys, json, base64
plain = lambda x: base64.b64encode(x).decode() if isinstance(x, bytes) else x
show = lambda rows: print(json.dumps([{k: plain(v) for k, v in row.items()} for row in rows]))
`

export const PYARROW = `${PRINT}
import pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
for name in ('weir_append_time', 'weir_event_time'):
    column = table[name]
    assert str(column.type) == 'timestamp[ms, tz=UTC]', column.type
    table = table.set_column(table.schema.get_field_index(name), name, column.cast('int64'))
show(table.to_pylist())
`

export const POLARS = `${PRINT}
import polars as pl
frame = pl.read_parquet(sys.argv[1])
times = ['weir_append_time', 'weir_event_time']
for name in times:
    assert frame.schema[name] == pl.Datetime('ms', 'UTC'), frame.schema[name]
show(frame.with_columns([pl.col(name).dt.timestamp('ms') for name in times]).to_dicts())
`
