/** A validated record: field name to value, as the stream's schema describes it. */
export type Value = Readonly<Record<string, unknown>>
