import type { HeaderPattern } from './header-pattern.ts'

/** The headers of common systems. Each is exact enough that no other one's lines fit it, so their order does not matter. */
export const SYSTEM_HEADERS: readonly HeaderPattern[] = [
  {
    name: 'apache',
    pattern:
      /^\[(?<timestamp>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4})\] \[(?<level>[^\]]+)\] (?<message>.*)$/s,
    time: 'EEE MMM dd HH:mm:ss yyyy',
  },
  {
    name: 'bgl',
    pattern:
      /^(?<alert>\S+) (?<timestamp>\d{9,11}) (?<date>\d{4}\.\d\d\.\d\d) (?<host>\S+) (?<time>\d{4}-\S+) (?<node>\S+) (?<kind>\S+) (?<app>\S+) (?<level>\S+) ?(?<message>.*)$/s,
    time: 'epoch',
  },
  {
    name: 'hdfs',
    pattern: /^(?<timestamp>\d{6} \d{6}) (?<pid>\d+) (?<level>[A-Z]+) (?<app>[^\s:]+): (?<message>.*)$/s,
    time: 'yyMMdd HHmmss',
  },
  {
    name: 'hadoop',
    pattern:
      /^(?<timestamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (?<level>[A-Z]+) \[(?<thread>[^\]]*)\] (?<app>[^\s:]+): (?<message>.*)$/s,
    time: 'yyyy-MM-dd HH:mm:ss,SSS',
  },
  {
    name: 'healthapp',
    pattern:
      /^(?<timestamp>\d{8}-\d{1,2}:\d{1,2}:\d{1,2}:\d{1,3})\|(?<app>[^|]*)\|(?<pid>[^|]*)\|(?<message>.*)$/s,
    time: 'yyyyMMdd-HH:mm:ss:nnn',
  },
  {
    name: 'openstack',
    pattern:
      /^(?:(?<file>\S+) )?(?<timestamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (?<pid>\d+) (?<level>[A-Z]+) (?<app>\S+) \[(?<request>[^\]]*)\] (?<message>.*)$/s,
    time: 'yyyy-MM-dd HH:mm:ss.SSS',
  },
  {
    name: 'proxifier',
    pattern: /^\[(?<timestamp>\d\d\.\d\d \d\d:\d\d:\d\d)\] (?<app>.+?) - (?<message>.*)$/s,
    time: 'MM.dd HH:mm:ss',
  },
  {
    name: 'zookeeper',
    pattern:
      /^(?<timestamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) - (?<level>[A-Z]+) +\[(?<thread>.*?):(?<app>[^:@\]]+)@(?<codeLine>\d+)\] - (?<message>.*)$/s,
    time: 'yyyy-MM-dd HH:mm:ss,SSS',
  },
]
