import { describe, expect, it } from 'vitest'
import { formatRoute, link, parseRoute, tokenIn } from '../../src/route'

describe('route', () => {
  it('reads back what it writes', () => {
    const routes = [
      { page: 'overview', id: '', query: {} },
      { page: 'inbox', id: 'incident--a/b?c#d %', query: {} },
      { page: 'ledger', id: '', query: { accord: 'a&b=c', kind: 'rung raised' } },
      { page: 'overview', id: '', query: { area: 'خیبر پختونخوا', map: '31.5,68.2,3.1' } },
    ] as const
    for (const route of routes) expect(parseRoute(formatRoute(route))).toEqual(route)
  })
  it('leads unknown pages to the overview', () => {
    for (const fragment of ['', '#', '#/', '#/nowhere/x', '#nonsense', '#/%E0%A4%A'])
      expect(parseRoute(fragment)).toMatchObject({ page: 'overview', id: '' })
  })
  it('leaves empty values out', () => {
    expect(formatRoute({ page: 'overview', query: { area: '', class: undefined, span: '52w' } })).toBe('#/overview?span=52w')
  })
  it('takes every way in which the API names a page', () => {
    for (const reference of ['inbox/x', '/inbox/x', '#/inbox/x']) expect(link(reference)).toBe('#/inbox/x')
  })
  it('survives a broken escape', () => {
    expect(parseRoute('#/inbox/%zz').id).toBe('%zz')
  })
  it('finds a token in a link or its fragment, and nowhere else', () => {
    expect(tokenIn('https://node.example/#token=a-b_c')).toBe('a-b_c')
    expect(tokenIn('#token=x%3D%3D')).toBe('x==')
    expect(tokenIn('#/inbox?area=token')).toBe('')
  })
})
