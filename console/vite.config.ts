import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { parse } from '@formatjs/icu-messageformat-parser'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

// messages parses the catalogues at build time, so that the browser carries no
// ICU parser.
function messages(): Plugin {
  return {
    name: 'parley-messages',
    enforce: 'pre',
    load(id) {
      if (!/\/src\/i18n\/(work\/)?[a-z]+\.json$/.test(id)) return null
      const source = JSON.parse(readFileSync(id, 'utf8')) as Record<string, string>
      const parsed = Object.fromEntries(
        Object.entries(source).map(([key, text]) => [key, parse(text, { captureLocation: false })]),
      )
      return { code: JSON.stringify(parsed), map: null }
    },
  }
}

// compress writes NAME.br beside every text file, and puts back dist/.keep,
// which the Go package needs in a clean checkout.
function compress(): Plugin {
  let out = 'dist'
  return {
    name: 'parley-compress',
    apply: 'build',
    configResolved(config) {
      out = config.build.outDir
    },
    closeBundle() {
      const visit = (dir: string) => {
        for (const name of readdirSync(dir)) {
          const path = join(dir, name)
          if (statSync(path).isDirectory()) visit(path)
          else if (/\.(js|css|html|svg|json|txt)$/.test(name)) {
            const bytes = readFileSync(path)
            writeFileSync(
              `${path}.br`,
              brotliCompressSync(bytes, {
                params: {
                  [constants.BROTLI_PARAM_QUALITY]: 11,
                  [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
                },
              }),
            )
          }
        }
      }
      visit(out)
      writeFileSync(join(out, '.keep'), '')
    },
  }
}

export default defineConfig({
  base: './',
  plugins: [messages(), react(), compress()],
  resolve: {
    alias: [
      {
        find: /^@formatjs\/icu-messageformat-parser$/,
        replacement: '@formatjs/icu-messageformat-parser/no-parser.js',
      },
    ],
  },
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  test: {
    include: ['test/unit/**/*.test.ts'],
    environment: 'node',
  },
})
