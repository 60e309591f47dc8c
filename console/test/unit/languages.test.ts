import { expect, it } from 'vitest'
import { IntlMessageFormat } from 'intl-messageformat'
import { languages } from '../../src/i18n'

it('writes Western digits and picks plural forms in every language', () => {
  for (const { data } of Object.values(languages)) {
    expect(new Intl.NumberFormat(data).format(12345.5)).toBe('12,345.5')
    expect(Intl.PluralRules.supportedLocalesOf(data)).toEqual([data])
    const say = (n: number) => new IntlMessageFormat('{n, plural, one {one} other {# of them}}', data).format({ n })
    expect([say(1), say(2), say(1200)]).toEqual(['one', '2 of them', '1,200 of them'])
  }
})
