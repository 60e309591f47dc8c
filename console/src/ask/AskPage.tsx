import '../style/ask.css'
import { useQuery } from '@tanstack/react-query'
import { matchHistory, questions, session, standing } from '../api/queries'
import { worked } from '../i18n/work'
import { useSay } from '../i18n'
import { Asked, Empty, Panel } from '../parts'
import { History } from './History'
import { NewQuestion } from './NewQuestion'
import { QuestionCard } from './QuestionCard'
import { StandingCard } from './StandingCard'

export default worked(AskPage)

/** AskPage: which of our values a partner knows, without telling it which. */
function AskPage() {
  const say = useSay()
  const role = useQuery(session).data?.user.role ?? ''
  return (
    <div className="page">
      <header className="page-head">
        <h1>{say('nav.ask')}</h1>
        <p className="holdings">{say('ask.lead')}</p>
      </header>
      {role === 'officer' || role === 'approver' ? <Desk /> : <Empty title={say('ask.officers')}>{say('ask.officers-note')}</Empty>}
    </div>
  )
}

function Desk() {
  const say = useSay()
  const asked = useQuery(questions)
  const kept = useQuery(standing)
  const history = useQuery(matchHistory)
  return (
    <>
      <NewQuestion quotas={history.data?.quotas ?? []} />
      <Panel id="questions" title={say('questions.title')} note={asked.data && say('questions.n', { n: asked.data.questions?.length ?? 0 })}>
        <Asked of={asked}>
          {(data) =>
            data.questions?.length ? (
              <ul className="cards">{data.questions.slice(0, 50).map((q) => <li key={q.id}><QuestionCard of={q} /></li>)}</ul>
            ) : (
              <Empty title={say('questions.none')}>{say('questions.none-note')}</Empty>
            )
          }
        </Asked>
      </Panel>
      <Panel id="standing" title={say('standing.title')} note={say('standing.note')}>
        <Asked of={kept}>
          {(data) =>
            data.standing?.length ? (
              <ul className="cards">{data.standing.map((s) => <li key={s.id}><StandingCard of={s} /></li>)}</ul>
            ) : (
              <Empty title={say('standing.none')}>{say('standing.none-note')}</Empty>
            )
          }
        </Asked>
      </Panel>
      <Panel id="match-history" title={say('history.title')} note={say('history.note')}>
        <Asked of={history}>{(data) => <History of={data} />}</Asked>
      </Panel>
    </>
  )
}
