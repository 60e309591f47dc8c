// Calls the node that served this page, and nothing else.

const base = '/api/v1'

// A poor line gets a minute before a call is given up; queries are repeated anyway.
export const patience = 60_000

/** What went wrong with a call: the node's own problem document, or status 0
 * when the node did not answer at all. */
export class Problem extends Error {
  override readonly name = 'Problem'
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title)
  }
}

export async function call<T>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  options: { body?: unknown; signal?: AbortSignal } = {},
): Promise<T> {
  const limit = AbortSignal.timeout(patience)
  let response: Response
  try {
    response = await fetch(base + path, {
      method,
      credentials: 'same-origin',
      headers: method === 'GET' ? {} : { 'Content-Type': 'application/json' },
      signal: options.signal ? AbortSignal.any([options.signal, limit]) : limit,
      ...(method === 'POST' ? { body: JSON.stringify(options.body ?? {}) } : {}),
    })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new Problem(0, '', '')
  }
  if (response.status === 204) return undefined as T
  const text = await response.text().catch(() => '')
  const data = parse(text)
  if (!response.ok) {
    const problem = (data ?? {}) as { title?: unknown; detail?: unknown }
    throw new Problem(response.status, string(problem.title), string(problem.detail))
  }
  if (data === undefined) throw new Problem(response.status, '', '')
  return data as T
}

/** callLines calls what answers with one JSON value a line. */
export async function callLines<T>(path: string, body: unknown): Promise<T[]> {
  const response = await fetch(base + path, { method: 'POST', credentials: 'same-origin', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }).catch(() => {
    throw new Problem(0, '', '')
  })
  const text = await response.text()
  if (!response.ok) {
    const problem = (parse(text) ?? {}) as { title?: unknown; detail?: unknown }
    throw new Problem(response.status, string(problem.title), string(problem.detail))
  }
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as T)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const string = (value: unknown) => (typeof value === 'string' ? value : '')

/** query writes only the parameters that say something. */
export function query(parameters: Record<string, string | number | undefined>): string {
  const set = Object.entries(parameters).filter(([, v]) => v !== undefined && v !== '')
  return set.length ? '?' + new URLSearchParams(set.map(([k, v]) => [k, String(v)])) : ''
}

export const evidenceAddress = (alarm: string) => `${base}/alarms/${encodeURIComponent(alarm)}/evidence`

/** fetchFile gets a file of the node as bytes. */
export async function fetchFile(address: string, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(address, { credentials: 'same-origin', signal }).catch((error: unknown) => {
    if (signal.aborted) throw error
    throw new Problem(0, '', '')
  })
  if (!response.ok) throw new Problem(response.status, '', '')
  return new Uint8Array(await response.arrayBuffer())
}

export const receiptAddress = (log: string, index: number) =>
  `${base}/ledger/receipt${query({ log, index })}`
