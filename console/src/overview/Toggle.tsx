import { ToggleButton } from 'react-aria-components/ToggleButton'
import { ToggleButtonGroup } from 'react-aria-components/ToggleButtonGroup'
import { useSay } from '../i18n'
import { amend, useRoute } from '../route'

/** Toggle shows a panel as its picture or as the table behind it. */
export function Toggle(props: { name: string; label: string }) {
  const say = useSay()
  const { query } = useRoute()
  const key = `${props.name}-as`
  const now = query[key] === 'table' ? 'table' : 'picture'
  return (
    <ToggleButtonGroup
      className="toggle"
      aria-label={props.label}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[now]}
      onSelectionChange={(keys) => amend({ [key]: [...keys][0] === 'table' ? 'table' : '' })}
    >
      <ToggleButton id="picture">{say('as-picture')}</ToggleButton>
      <ToggleButton id="table">{say('as-table')}</ToggleButton>
    </ToggleButtonGroup>
  )
}
