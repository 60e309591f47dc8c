import { languages, useLanguage, useSay, type Tongue } from '../i18n'

export function LanguageChoice() {
  const say = useSay()
  const { tongue, choose } = useLanguage()
  return (
    <select
      className="language"
      aria-label={say('language')}
      value={tongue}
      onChange={(event) => choose(event.target.value as Tongue)}
    >
      {Object.entries(languages).map(([tag, { name }]) => (
        <option key={tag} value={tag} lang={tag}>
          {name}
        </option>
      ))}
    </select>
  )
}
