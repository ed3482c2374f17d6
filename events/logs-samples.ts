/** Made up by hand: syslog old and new, headers of two systems, a line without any, one of white space alone. */
export const SAMPLE_LOG_LINES: readonly string[] = [
  '<86>Nov  2 07:59:58 web01 sshd[811]: Accepted publickey for deploy from 10.1.4.7 port 50022',
  '<86>Nov  2 07:59:59 web01 sshd[812]: Accepted publickey for backup from 10.1.4.9 port 41822',
  '<11>1 2026-11-02T07:59:59.120Z db02 postgres 77 - - checkpoint of 4096 pages failed: no space left',
  '081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_3886 terminating',
  '[Sun Dec 04 04:47:44 2005] [error] mod_jk child workerEnv in error state 6',
  'a line without a header',
  '   ',
]
