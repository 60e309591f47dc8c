// The HTTP contract of docs/api.md. Fields that a node may leave out or send as
// null are typed so, and pages must cope with it.

export type Party = { id: string; name: string; role: 'member' | 'witness'; mark: string }

export type Session = {
  party: Party
  user: { name: string; role: string }
  notice: string
  version: string
  /** Idle seconds after which the console locks itself. */
  lock_after: number
}

/** Ways to sign in, told to who has not yet. */
export type Ways = { name: string; mark: string; passkey: string; password: boolean; oidc: string; locked: string }

export type Me = {
  name: string
  role: string
  passkeys: { id: string; name: string; added: string; used: string }[]
  password: boolean
  account: string
  origin: string
}

/** Draft of an accord, as the node reads it. */
export type Draft = {
  title: string
  members: string[]
  witnesses: string[] | null
  purposes: string[] | null
  legal_bases: string[] | null
  object_types: string[] | null
  ceiling: { rung: string; tlp: string; place_km: number; time: string }
  start: string
  match: { kind: string; quota: number }[] | null
  retention_days: number
  onward: string
  suspension: string
  effective?: string
  expires?: string
  amends?: string
}

export type KeptDraft = { name: string; draft: Draft }

export type Card = { party: string; name: string; fingerprint: string; sequence: number; endpoints: string[]; expires: string; own: boolean; note: string }

export type AccountSide = {
  party: string
  released: number
  questions: number
  answered: number
  requests: number
  fulfilled: number
  declined: number
  overdue: number
  days_suspended: number
  useful: number
  known: number
  wrong: number
  late: number
}

export type AccountOf = {
  account: { as_of: string; sides: AccountSide[] }
  rung: string
  proposal: { move: string; rung: string; reasons: string[] } | null
}

export type Alarm = { id: string; at: string; text: string; evidence: string }

export type BrowserSession = {
  id: string
  name: string
  how: string
  at: string
  until: string
  from: string
  agent: string
  locked: boolean
  here: boolean
}

export type Waiting = {
  kind: 'request' | 'accord' | 'inbox' | 'alarm'
  title: string
  at: string
  due?: string
  page: string
}

export type Partner = {
  party: string
  name: string
  accord: string
  accord_title: string
  state: string
  rung: string
  last_contact: string | null
  waiting_out: number
  reason: string
}

export type Overview = {
  counts: { incidents: number; objects: number; inbox: number; accords: number; requests: number }
  waiting: Waiting[] | null
  partners: Partner[] | null
  data: { from: string; to: string; sources: string[] | null }
}

export type Incident = {
  id: string
  date: string
  end: string
  date_precision: string
  title: string
  lat: number | null
  lon: number | null
  radius_km: number
  place: string
  area: string
  class: string
  kind: string
  killed: { low: number; best: number; high: number }
  organisation: string
  from: string
  marking: string
  grading: string
}

/** A report with what is claimed in it. */
export type IncidentRow = Incident & {
  claims: { by: string; of: string; kind: string; statement?: string; grading?: string }[]
}

export type Incidents = { incidents: Incident[] | null; total: number }

export type Lull = {
  at_least_weeks: number
  n: number
  observed: number
  forecast: number
  text: string
}

/** A forecast: `p` of at least one attack within the horizon, `low` to `high`
 * the central 90 % interval of their number, `mean` the number expected;
 * `base_rate` -1 where there is no earlier span; `last_attack` a week's Monday. */
export type WatchArea = {
  area: string
  counts: (number | null)[]
  total: number
  last_attack: string | null
  quiet_weeks: number
  p: number | null
  low: number | null
  high: number | null
  base_rate: number | null
  mean: number | null
  lull: Lull | null
  unreported?: number
  signals?: number
  plain?: number
  named_by?: Record<string, number>
  without?: { party: string; p: number }[]
}

/** How a model scored on the past; one bin of the plot for each tenth of what
 * was said. */
export type Scored = {
  name: string
  n: number
  crps: number
  log: number
  brier: number
  ece: number
  coverage90: number
  reliability: { n: number; forecast: number; observed: number }[] | null
}

export type Watch = {
  horizon: number
  as_of: string
  model: string
  attribution: string
  weeks: string[] | null
  areas: WatchArea[] | null
  all: { counts: (number | null)[] }
  record?: Scored[] | null
  left?: Record<string, number>
  lift?: { factor: number; text: string }
}

export type Onset = {
  unit: string
  week: string
  evidence: number[]
  usual: number
  strength: number
  confirmed: boolean
  judgement?: { verdict: string; reason?: string; by: { name: string; role: string }; at: string; object?: string }
}

export type Onsets = {
  alarms: Onset[]
  score: { onsets: number; within4: number; false_alarms_per_series_year: number; precision: number }
  refused?: string
  as_of?: string
  attribution?: string
}

type Range = { value: number; low: number; high: number }

export type Spread = {
  kinds: string[]
  counts: number[]
  diversity?: { n: number; kinds: number; shannon: Range; dominant: Range }
  drift?: { distance: number; p: number; changed: boolean }
  turn?: { same: number; expected: number; p: number; text: string }
  refused?: string[]
}

export type AttentionReading = {
  fixation: number
  gap: number
  widest: string[]
  looked: Record<string, number>
  last: Record<string, number>
  risk: Record<string, number>
  sources: { source: string; n: number; fixation: number; gap: number }[]
}

export type NextShare = { class: string; area: string; p: number }

export type Diversification = {
  as_of: string
  weeks: number
  by_class: Spread
  by_area: Spread
  next: NextShare[]
  attention?: AttentionReading & { by_class?: AttentionReading }
}

export type PlanChoice = { policy: string; floor: number; outcome: { met: number; bare: number; worst: number } }

export type Coverage = {
  id: string
  at: string
  as_of: string
  plan: { policy: string; units: number; floor: number; cells: string[]; risk: number[]; cover: number[] }
  outcome: PlanChoice['outcome']
  trade_off: PlanChoice[]
  commitment: string
  schedule: number[][]
  ends: string
  seed?: string
}

export type Evidence = { feature: string; says: string; weight: number; similarity?: number; km?: number }

export type ReportLink = {
  left: string
  right: string
  p: number
  evidence: Evidence[]
  state: string
  at: string
  acts: { verdict: string; reason?: string; by: { name: string; role: string }; at: string }[]
}

export type FusedEvent = {
  id: string
  reports: { id: string; from: string; source: string; title: string; grading: string }[]
  links: ReportLink[]
  fields: { field: string; values: { value: string; by: string[] }[]; agree: boolean }[]
  attribution?: string
}

export type Fused = { events: FusedEvent[]; split: ReportLink[] }

export type Provenance = {
  log: string
  index: number
  event_at: string
  checkpoint_size: number
  cosigned_by: string[] | null
  digest: string
}

export type Item = {
  id: string
  accord: string
  accord_title: string
  from: string
  from_name: string
  at: string
  kind: string
  title: string
  marking: string
  grading: string
  state: 'new' | 'read' | 'sealed' | 'withdrawn' | 'expired'
  provenance: Provenance
  redactions: string[] | null
  purpose?: string
  expires?: string
  problem?: string
  object_id?: string
  object?: unknown
}

export type Request = {
  id: string
  accord: string
  from: string
  to: string
  direction: 'in' | 'out'
  at: string
  due: string
  subject: string
  case?: string
  value?: string
  state: 'open' | 'answered' | 'declined' | 'refused'
  reason: string
  objects: { id: string; title: string }[] | null
}

export type Accord = {
  id: string
  title: string
  state: string
  reason: string
  members: { party: string; name: string; fingerprint: string; signed: boolean; me: boolean }[]
  witnesses: { party: string; name: string; fingerprint: string }[] | null
  ceiling: { rung: string; tlp: string; place: string; time: string }
  purposes: string[] | null
  legal_bases: string[] | null
  object_types: string[] | null
  match: { kind: string; quota: number }[] | null
  retention_days: number
  effective: string
  expires: string
  rungs: { from: string; to: string; rung: string; offered?: string }[] | null
  suspended: { by: string; at: string; reason: string } | null
  text: string
}

export type Log = {
  log: string
  party: string
  accord: string
  size: number
  root: string
  at: string
  cosigned_by: string[] | null
  witnessed_by: string[] | null
}

export type LedgerEvent = {
  log: string
  party: string
  index: number
  kind: string
  at: string
  summary: string
  digest: string
  ordered_after: string
}

export type Ledger = { logs: Log[] | null; events: LedgerEvent[] | null }

export type Release = {
  outcome: 'withhold' | 'match-only' | 'tearline' | 'full'
  reasons: { rule: string; outcome: string; text: string }[] | null
  redactions: string[] | null
  original: unknown
  tearline: unknown
  to: string[]
  released: boolean
  approvals?: number
  pending?: string
  event?: EventRef
  copies?: { to: string; copy: string; digest: string; event: EventRef }[]
}

export type EventRef = { log: string; index: number }

export type Person = { name: string; role: string }

export type Pending = {
  id: string
  object: string
  title: string
  accord: string
  to: string[]
  purpose: string
  legal_basis?: string
  by: Person
  at: string
  outcome: Release['outcome']
  reasons: Release['reasons']
  needed: number
  approvals: (Person & { at: string })[]
  state: 'waiting' | 'released' | 'rejected' | 'stale'
  reason?: string
  release?: Release
}

export type ManyReleased = {
  released: number
  pending: number
  withheld: number
  results: { object: string; title: string; outcome: Release['outcome']; approvals?: number; reason?: string; pending?: string; copies?: Release['copies'] }[]
}

/** What went to a partner; `confirmed` is when the partner's ledger says that it
 * holds the copy, or has removed it. */
export type Dispatch = {
  object: string
  title: string
  copy: string
  accord: string
  accord_title: string
  to: string
  name: string
  kind: 'released' | 'corrected' | 'withdrawn'
  at: string
  event: EventRef
  outcome?: string
  purpose?: string
  marking?: string
  redactions?: string[]
  reason?: string
  confirmed?: string
  confirmed_by?: EventRef
}

export type FoundObject = {
  id: string
  type: string
  title: string
  version: string
  marking: string
  from: string
  accord?: string
  added: string
  property?: string
}

export type Found = { objects: FoundObject[]; more: boolean; next?: number; unfiled: boolean }

/** What a line of a question would ask: `first` is the line that asks the same
 * already, `reason` why it cannot be asked. */
export type AskedLine = { line: number; value: string; keys: string[]; first?: number; reason?: string }

export type Question = {
  id: string
  accord: string
  to: string
  selector: string
  case: string
  by: string
  at: string
  count: number
  state: 'waiting' | 'answered' | 'refused'
  reason: string
  hits: { asked: string; value: string }[]
  problems: { value: string; reason: string }[]
  warnings: string[] | null
  quota_left: number
  false_positive: string
  standing?: string
}

export type Standing = {
  id: string
  accord: string
  to: string
  selector: string
  case: string
  by: string
  at: string
  state: string
  reason: string
  count: number
  epoch: number
  hits: { asked: string; value: string; at?: string }[] | null
  problems: { value: string; reason: string }[] | null
}

export type MatchHistory = {
  events: {
    accord: string; log: string; index: number; at: string; kind: string; from: string; to: string
    selector: string; case?: string; officer?: string; count?: number; left: number; refused?: string
  }[]
  quotas: { accord: string; asker: string; holder: string; selector: string; quota: number; used: number }[]
}

/** An area that people watch, or to which they assigned units. */
export type Focus = { id: string; area: string; class?: string; units: number; note?: string; at: string; until?: string; known: boolean }

export type Spot = { name?: string; lat: number; lon: number; radius_km?: number }

export type Overlap = {
  footprint: string
  cells: { cell: string; lat: number; lon: number }[] | null
  windows: { from: string; until: string }[] | null
}

export type Footprint = {
  id: string
  title?: string
  purpose: string
  legal_basis: string
  officer: string
  from: string
  until?: string
  state: string
  answer: string
  conflict: boolean
  checked: boolean
  cells: number
  version: number
  accords: string[] | null
  every_hours?: number
  repeat_until?: string
  standing?: boolean
  places?: Spot[]
  area?: Spot[]
  unit?: { name: string; telephone: string }
  with: { accord: string; party: string; name: string; state: string; reason?: string; contact?: string; overlap?: Overlap; acknowledged: boolean; resolved?: string }[] | null
}

export type Exchange = {
  id: string
  accord: string
  party: string
  arbiter: string
  at: string
  state: string
  reason?: string
  overlaps: Overlap[] | null
  contact?: string
  owed: number
  acknowledged?: string
  acknowledged_by?: string
  they_acknowledged?: string
  resolved?: string
  resolved_note?: string
  they_resolved?: string
}

/** A thing of a joint operation with fields; fields of which several values stand
 * are in conflict. */
export type WorkItem = {
  id: string
  fields: Record<string, string> | null
  conflicts: { field: string; values: { value: string; party: string; by: string; at: string }[] }[] | null
}

export type OperationLine = { at: string; party: string; index: number; by: string; text: string }

export type Operation = {
  id: string
  accord: string
  title: string
  exercise: boolean
  state: 'proposed' | 'agreed' | 'active' | 'closed' | 'abandoned'
  terms: WorkItem
  digest: string
  members: { party: string; agreed: boolean; left: string; reason?: string }[]
  tasks: WorkItem[] | null
  liaisons: WorkItem[] | null
  layers: WorkItem[] | null
  decisions: (WorkItem & { digest: string; signed: string[] | null; taken: boolean })[] | null
  attachments: { copy: string; title: string; party: string; at: string }[] | null
  records: OperationLine[] | null
  log: OperationLine[] | null
  problems: string[] | null
  conflicts: number
  waiting: number
}
