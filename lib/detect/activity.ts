/** What somebody does who raises an alert, as far as the class of its rule tells. */
export type Activity =
  | 'scanning'
  | 'logins'
  | 'exploits'
  | 'malware'
  | 'denial of service'
  | 'policy'
  | 'other'

/**
 * Classes of Snort's and Suricata's classification.config by short name, and by description as Suricata writes it into
 * events. A class that is not here is `other`.
 */
const CLASSES: readonly (readonly [Activity, string, string])[] = [
  ['scanning', 'attempted-recon', 'Attempted Information Leak'],
  ['scanning', 'successful-recon-limited', 'Information Leak'],
  ['scanning', 'successful-recon-largescale', 'Large Scale Information Leak'],
  ['scanning', 'network-scan', 'Detection of a Network Scan'],
  ['scanning', 'rpc-portmap-decode', 'Decode of an RPC Query'],
  ['logins', 'suspicious-login', 'An attempted login using a suspicious username was detected'],
  ['logins', 'default-login-attempt', 'Attempt to login by a default username and password'],
  ['logins', 'unsuccessful-user', 'Unsuccessful User Privilege Gain'],
  ['logins', 'credential-theft', 'Successful Credential Theft Detected'],
  ['exploits', 'attempted-user', 'Attempted User Privilege Gain'],
  ['exploits', 'successful-user', 'Successful User Privilege Gain'],
  ['exploits', 'attempted-admin', 'Attempted Administrator Privilege Gain'],
  ['exploits', 'successful-admin', 'Successful Administrator Privilege Gain'],
  ['exploits', 'shellcode-detect', 'Executable code was detected'],
  ['exploits', 'web-application-attack', 'Web Application Attack'],
  ['exploits', 'exploit-kit', 'Exploit Kit Activity Detected'],
  ['exploits', 'system-call-detect', 'A system call was detected'],
  ['malware', 'trojan-activity', 'A Network Trojan was detected'],
  ['malware', 'command-and-control', 'Malware Command and Control Activity Detected'],
  ['malware', 'domain-c2', 'Domain Observed Used for C2 Detected'],
  ['malware', 'coin-mining', 'Crypto Currency Mining Activity Detected'],
  ['malware', 'targeted-activity', 'Targeted Malicious Activity was Detected'],
  ['denial of service', 'attempted-dos', 'Attempted Denial of Service'],
  ['denial of service', 'successful-dos', 'Denial of Service'],
  ['denial of service', 'denial-of-service', 'Detection of a Denial of Service Attack'],
  ['policy', 'policy-violation', 'Potential Corporate Privacy Violation'],
  ['policy', 'inappropriate-content', 'Inappropriate Content was Detected'],
  ['policy', 'pup-activity', 'Possibly Unwanted Program Detected'],
]

const BY_NAME: ReadonlyMap<string, Activity> = new Map(
  CLASSES.flatMap(([activity, name, description]) => [
    [name, activity] as const,
    [description.toLowerCase(), activity] as const,
  ]),
)

/** The activity of a class, named by its short name or its description in any case. */
export function activityOf(className: string): Activity {
  return BY_NAME.get(className) ?? BY_NAME.get(className.toLowerCase()) ?? 'other'
}
