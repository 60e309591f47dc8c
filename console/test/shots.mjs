// Takes a picture of every page in every language over the made-up world, and keeps
// them small: 960 pixels wide, WebP.
//
//   node test/shots.mjs [FOLDER]        default ../docs/images/console
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launch, settle, visit } from './chromium.mjs'
import { incidents } from './fixtures.mjs'
import { start } from './fixture-server.mjs'

const folder = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '../../docs/images/console')
const object = 'report--00000001-1b3c-4d5e-8f90-a1b2c3d4e5f6'
const views = {
  overview: '', situation: `?incident=${incidents[2].id}`, watch: '', fusion: '', inbox: '', library: '?q=depot', release: `?objects=${object}`, ask: '', deconflict: '',
  operations: '/exercise-0a1b2c3d4e5f', accords: '', ledger: '', oversight: '', admin: '', me: '',
}
const operators = ['oversight', 'admin']
// Each language in one theme, so that both are seen.
const themes = { en: 'light', ur: 'dark', ps: 'light', prs: 'dark' }

mkdirSync(folder, { recursive: true })
const browser = await launch()
const server = await start()
const press = await browser.newPage() // makes small pictures of great ones
let bytes = 0
try {
  for (const [language, theme] of Object.entries(themes)) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, colorScheme: theme, timezoneId: 'Asia/Karachi', locale: 'en-GB' })
    await context.addInitScript((tongue) => localStorage.setItem('parley.language', tongue), language)
    let page = await context.newPage()
    const take = async (name) => {
      const small = await press.evaluate(async (png) => {
        const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob())
        const canvas = new OffscreenCanvas(960, Math.round((picture.height * 960) / picture.width))
        const pen = canvas.getContext('2d')
        pen.imageSmoothingQuality = 'high'
        pen.drawImage(picture, 0, 0, canvas.width, canvas.height)
        const blob = await canvas.convertToBlob({ type: 'image/webp', quality: 0.6 })
        return btoa([...new Uint8Array(await blob.arrayBuffer())].map((b) => String.fromCharCode(b)).join(''))
      }, (await page.screenshot()).toString('base64'))
      const out = Buffer.from(small, 'base64')
      bytes += out.length
      writeFileSync(join(folder, `${name}-${language}.webp`), out)
    }
    await page.goto(server.address)
    await settle(page)
    await take('sign-in')
    // An officer sees what officers do; two pages are the operator's alone.
    for (const [token, wanted] of [['north-s', (v) => !operators.includes(v)], ['north-as-operator-s', (v) => operators.includes(v)]]) {
      page = await context.newPage()
      await page.goto(`${server.address}/#token=${token}${language}`)
      await page.locator('.shell').waitFor()
      for (const [view, more] of Object.entries(views).filter(([v]) => wanted(v))) {
        await visit(page, `#/${view}${more}`)
        await take(view)
      }
    }
    await context.close()
  }
} finally {
  await browser.close()
  await server.stop()
}
console.log(`${(Object.keys(views).length + 1) * Object.keys(themes).length} pictures, ${(bytes / 1e6).toFixed(1)} MB, in ${folder}`)
