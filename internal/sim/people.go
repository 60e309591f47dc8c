package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley.example/parley/accord"
	"parley.example/parley/incident"
	"parley.example/parley/internal/link"
	"parley.example/parley/internal/node"
	"parley.example/parley/internal/store"
	"parley.example/parley/ledger"
)

// people is what the simulated officers keep in mind.
type people struct {
	rows  map[string][]row     // what each party imported
	until map[string]time.Time // how long a party means to keep its suspension
	count int
}

// row is a report of one party.
type row struct {
	id, phone string
	version   int
}

const header = "id,date,end_date,date_precision,title,text,place,admin1,admin2,country,lat,lon,radius_km,class,kind,organisation,killed_low,killed,killed_high,wounded,source,reliability,credibility,source_sensitive,tlp,phones,plates,claimed_by,blamed\n"

func (r row) csv(tlp string) string {
	return fmt.Sprintf("%s%s,2026-02-03,,day,Report %s version %d,\"Informant K.\n=== TEARLINE ===\nReport %s as of version %d.\",Torkham bazaar,Nangarhar,Momand Dara,Afghanistan,34.1230,71.0950,1,civilian,bombing,Lantern Front (fictional),0,2,4,5,Informant K (fictional),B,2,yes,%s,%s,,,\n",
		header, r.id, r.id, r.version, r.id, r.version, tlp, r.phone)
}

func (r row) object() string { return incident.ID(incident.ParleyMapping().Name, r.id) }

// act is something that people of a party do.
type act struct {
	name   string
	weight int
	do     func(*world, context.Context, *process) error
}

var acts = []act{
	{"sync", 46, (*world).sync},
	{"import", 9, (*world).importReport},
	{"correct", 3, (*world).correct},
	{"release", 11, (*world).release},
	{"withdraw", 3, (*world).withdraw},
	{"request", 4, (*world).request},
	{"answer", 6, (*world).answer},
	{"publish", 2, (*world).publish},
	{"ask", 3, (*world).ask},
	{"plan", 4, (*world).plan},
	{"settle sealed", 3, (*world).settleSealed},
	{"judge", 4, (*world).judge},
	{"suspend", 1, (*world).suspend},
	{"resume", 7, (*world).resume},
	{"rung", 3, (*world).rung},
	{"accept rung", 4, (*world).acceptRung},
	{"rotate key", 1, (*world).rotate},
	{"stick", 6, (*world).writeStick},
	{"amend", 1, (*world).amend},
	{"sign", 3, (*world).sign},
	{"back up", 4, (*world).backUp},
	{"restore", 4, (*world).restore},
	{"sign on", 2, (*world).signOn},
}

// step lets time bring what it brings and somebody do something.
func (w *world) step() error {
	w.troubled = false
	w.arrive()
	w.readSticks()
	w.weather()
	if err := w.scheme(); err != nil {
		return err
	}
	who := pick(w, w.faces)
	for who.party == guarantor {
		who = pick(w, w.faces)
	}
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	at := w.rng.IntN(total)
	for _, a := range acts {
		if at -= a.weight; at >= 0 {
			continue
		}
		w.result.Acts[a.name]++
		err := w.mortally(who, a.do)
		w.tell("%s: %s: %v", who.party, a.name, err)
		if err != nil && !w.lies(who.party) && !w.excused(err) && !expected(err) && !(who.restored && errors.Is(err, node.ErrRestored)) {
			w.broken("%s of %s, an honest party: %v", a.name, who.party, err)
		}
		break
	}
	return w.settle()
}

// expected reports whether an error is one that people must expect.
func expected(err error) bool {
	return errors.Is(err, store.ErrUncertain) || errors.Is(err, errDisk) || errors.Is(err, node.ErrState) || errors.Is(err, node.ErrNotFound) || errors.Is(err, node.ErrInvalid)
}

// weather draws troubles that are nobody's act.
func (w *world) weather() {
	if w.chance(0.02) {
		a, b := pick(w, w.faces), pick(w, w.faces)
		if a.party != b.party {
			w.fault("partition")
			w.cut[ends(a.party, b.party)] = w.time().Add(w.spell(time.Hour, 60*24*time.Hour))
		}
	}
	if w.chance(0.03) {
		w.fault("clock jump")
		pick(w, w.faces).skew(w.spell(time.Second, 5*time.Hour) * time.Duration(2*w.rng.IntN(2)-1))
	}
}

// sync exchanges parcels with a partner. Between honest parties it may fail
// through the network alone.
func (w *world) sync(ctx context.Context, p *process) error {
	to := pick(w, w.procsOf(p))
	w.troubled = false
	if p.twin && to.party == guarantor || w.lies(p.party) && w.twin() != nil && to.party == guarantor {
		w.fault("lie: equivocation to the witness")
	}
	id := w.anyAccord()
	err := p.Sync(ctx, id, to.party)
	if id == w.next && errors.Is(err, link.ErrRefused) {
		return nil // who has not signed an offer may not pass it on
	}
	if err != nil && w.lies(to.party) && !w.lies(p.party) {
		w.tell("%s → %s: %v", p.party, to.party, err)
		return nil // what a liar answers is refused
	}
	return err
}

// procsOf lists those whom a party may call.
func (w *world) procsOf(p *process) []*process {
	var out []*process
	for _, party := range slices.Sorted(maps.Keys(w.procs)) {
		if party != p.party {
			out = append(out, w.procs[party])
		}
	}
	return out
}

// partner picks another member.
func (w *world) partner(p *process) string {
	others := slices.DeleteFunc(slices.Clone(w.members), func(m string) bool { return m == p.party })
	return pick(w, others)
}

func (w *world) importReport(ctx context.Context, p *process) error {
	w.people.count++
	r := row{id: fmt.Sprintf("%s-%d", p.party, w.people.count), phone: phone(w.rng.IntN(40))}
	tlp := pick(w, []string{"TLP:AMBER", "TLP:GREEN", "TLP:AMBER", "TLP:RED"})
	if err := w.take(ctx, p, r, tlp); err != nil {
		return err
	}
	w.people.rows[p.party] = append(w.people.rows[p.party], r)
	return nil
}

func (w *world) take(ctx context.Context, p *process, r row, tlp string) error {
	got, err := p.ImportFile(ctx, strings.NewReader(r.csv(tlp)), node.FormatCSV, nil)
	if err == nil && len(got.Refused) > 0 {
		return fmt.Errorf("importing %s: %s", r.id, got.Refused[0].Reason)
	}
	return err
}

func phone(i int) string { return fmt.Sprintf("+93 70 123 45%02d", i) }

// report picks one of a party's reports; ok is false where there is none.
func (w *world) report(p *process) (i int, ok bool) {
	n := len(w.people.rows[p.party])
	if n == 0 {
		return 0, false
	}
	// Rather a new one.
	return n - 1 - w.rng.IntN(min(n, 12)), true
}

func (w *world) correct(ctx context.Context, p *process) error {
	i, ok := w.report(p)
	if !ok {
		return nil
	}
	r := w.people.rows[p.party][i]
	r.version++
	if err := w.take(ctx, p, r, "TLP:AMBER"); err != nil {
		return err
	}
	w.people.rows[p.party][i] = r
	_, err := p.ReleaseObject(ctx, node.ReleaseAsk{Object: r.object(), Accord: w.accord, Purpose: "protection"})
	return err
}

func (w *world) release(ctx context.Context, p *process) error {
	i, ok := w.report(p)
	if !ok {
		return nil
	}
	ask := node.ReleaseAsk{Object: w.people.rows[p.party][i].object(), Accord: w.accord, Purpose: "protection"}
	if w.chance(0.5) {
		ask.To = []string{w.partner(p)}
	}
	ask.ReceiptFirst = w.chance(0.3)
	rel, err := p.ReleaseObject(ctx, ask)
	if err == nil && !rel.Released {
		w.tell("withheld: %v", rel.Reasons)
	}
	return err
}

// settleSealed has a node do what it does once a minute.
func (w *world) settleSealed(ctx context.Context, p *process) error { return p.SettleSealed(ctx) }

func (w *world) withdraw(ctx context.Context, p *process) error {
	i, ok := w.report(p)
	if !ok {
		return nil
	}
	_, err := p.Withdraw(ctx, node.WithdrawAsk{Accord: w.accord, Object: w.people.rows[p.party][i].object(), Reason: "the source is at risk"})
	return err
}

func (w *world) request(ctx context.Context, p *process) error {
	ask := node.RequestAsk{Accord: w.accord, To: w.partner(p), Case: "C-1", Purpose: "protection"}
	if w.chance(0.5) {
		ask.Selector, ask.Value = "phone", strings.ReplaceAll(phone(w.rng.IntN(40)), " ", "")
	} else {
		ask.Object = row{id: fmt.Sprintf("%s-%d", ask.To, 1+w.rng.IntN(max(1, w.people.count)))}.object()
	}
	_, err := p.MakeRequest(ctx, ask)
	return err
}

func (w *world) answer(ctx context.Context, p *process) error {
	all, err := p.Requests(ctx)
	if err != nil {
		return err
	}
	// Requests made at one time are listed in no order.
	slices.SortFunc(all, func(a, b node.Request) int { return strings.Compare(a.ID, b.ID) })
	for _, r := range all {
		if r.Direction != "in" || r.State != "open" {
			continue
		}
		ans := node.RequestAnswer{Release: w.chance(0.8)}
		if len(r.Objects) > 0 {
			ans.Object = pick(w, r.Objects).ID
		}
		_, _, err := p.AnswerRequest(ctx, r.ID, ans)
		return err
	}
	return nil
}

func (w *world) publish(ctx context.Context, p *process) error {
	_, err := p.PublishMatch(ctx, w.accord, "phone", w.chance(0.5))
	return err
}

func (w *world) ask(ctx context.Context, p *process) error {
	ask := node.MatchAsk{Accord: w.accord, To: w.partner(p), Selector: "phone", Case: "C-2"}
	for range 1 + w.rng.IntN(30) {
		ask.Values = append(ask.Values, phone(w.rng.IntN(60)))
	}
	_, err := p.AskMatch(ctx, ask)
	return err
}

func (w *world) judge(ctx context.Context, p *process) error {
	items, err := p.Inbox(ctx, 20)
	if err != nil || len(items) == 0 {
		return err
	}
	it := pick(w, items)
	if _, err := p.InboxItem(ctx, it.ID); err != nil {
		return err
	}
	_, err = p.Judge(ctx, it.ID, pick(w, ledger.Uses))
	return err
}

func (w *world) suspend(ctx context.Context, p *process) error {
	_, err := p.Suspend(ctx, w.accord, "a pause")
	longest := 5 * 24 * time.Hour
	if w.chance(0.2) {
		longest = 60 * 24 * time.Hour
	}
	w.people.until[p.party] = w.time().Add(w.spell(time.Hour, longest))
	return err
}

func (w *world) resume(ctx context.Context, p *process) error {
	if w.time().Before(w.people.until[p.party]) {
		return nil
	}
	_, err := p.Resume(ctx, w.accord)
	return err
}

func (w *world) rung(ctx context.Context, p *process) error {
	to := pick(w, []accord.Rung{accord.Contact, accord.Match, accord.Tearline, accord.Tearline, accord.Tearline, accord.Tearline, accord.Tearline})
	_, err := p.SetRung(ctx, w.accord, w.partner(p), to)
	return err
}

func (w *world) acceptRung(ctx context.Context, p *process) error {
	_, err := p.AcceptRung(ctx, w.accord, w.partner(p))
	return err
}

func (w *world) rotate(ctx context.Context, p *process) error {
	if w.lies(p.party) {
		return nil
	}
	_, err := p.RotateKey(ctx)
	return err
}
