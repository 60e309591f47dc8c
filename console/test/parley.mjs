// Starts real nodes for browser tests: the built binary on free ports of this machine.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const binary = process.env.PARLEY || join(dirname(fileURLToPath(import.meta.url)), '../../bin/parley')

export function needBinary() {
  if (existsSync(binary)) return
  console.error(`There is no binary at ${binary}, so the tests over real nodes cannot run. Make it: make build`)
  process.exit(1)
}

export async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** node makes a party's node, with `config` in its node.json. `start` serves it
 * and returns the lines that it printed until it was ready; `stop` ends the process. */
export async function node(party, config = {}) {
  const dir = mkdtempSync(join(tmpdir(), `parley-${party}-`))
  const parley = (...args) => execFileSync(binary, ['--dir', dir, ...args], { encoding: 'utf8' })
  const [link, consolePort] = [await freePort(), await freePort()]
  parley('init', '--party', party, '--name', `${party} (fictional)`, '--link', `127.0.0.1:${link}`, '--console', `127.0.0.1:${consolePort}`)
  const file = join(dir, 'node.json')
  const set = (more) => writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...more }))
  set(config)
  let child
  const stop = () => new Promise((resolve) => {
    if (!child || child.exitCode !== null) return resolve()
    child.once('exit', resolve)
    child.kill('SIGTERM')
  })
  return {
    dir,
    origin: `http://localhost:${consolePort}`,
    json: (...args) => JSON.parse(parley('--json', ...args)),
    parley,
    set,
    /** start resolves with what the node said when it was ready. */
    start: () => new Promise((resolve, reject) => {
      child = spawn(binary, ['--dir', dir, 'serve'], { stdio: ['ignore', 'pipe', 'pipe'] })
      let said = ''
      child.stderr.on('data', (text) => (said += text))
      child.once('exit', (code) => reject(new Error(`parley serve ended with ${code}: ${said}`)))
      const lines = []
      createInterface({ input: child.stdout }).on('line', (line) => {
        lines.push(line)
        if (/and the console on/.test(line)) resolve(lines)
      })
    }),
    stop,
    remove: async () => {
      await stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
