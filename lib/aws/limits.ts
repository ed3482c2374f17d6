/** What one call of each port takes: apart from the adapters, so that asking for a limit imports none of them. */

/** Below a broker's default `max.message.bytes` (1,048,588) by more than record headers can add, compressed or not. */
export const KAFKA_BATCH_BYTES_MAX = 1_000_000

/** A DynamoDB item has at most 409,600 bytes with its keys, names and rev: this leaves 9,600 for them. */
export const DYNAMO_ITEM_BYTES_MAX = 400_000

/** What API Gateway passes on as one frame. */
export const CONNECTIONS_FRAME_BYTES_MAX = 32 * 1024
