/** What the templates hold, in one process: loading the CDK and making a template take seconds each. */
import './template/checks.ts'
import './template/compact.ts'
import './template/definition.ts'
import './template/kafka.ts'
import './template/mappings.ts'
import './template/rights.ts'
import './template/stores.ts'
import './template/surroundings.ts'
