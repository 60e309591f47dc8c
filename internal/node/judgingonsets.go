package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley.example/parley/incident"
	"parley.example/parley/internal/store"
	"parley.example/parley/stix"
	"parley.example/parley/watch"
)

// An alarm of the watch is a prompt; what follows from it a person decides.

const docOnset = "onset" // by area/week: OnsetJudgement

// What a person can say of an alarm.
const (
	OnsetSeen      = "acknowledge"
	OnsetDismissed = "dismiss"
	OnsetEscalated = "escalate"
)

// OnsetJudgement is a person's say on an alarm.
type OnsetJudgement struct {
	Area    string `json:"area"`
	Week    string `json:"week"` // the alarm's Monday
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"` // why it was dismissed, or what to do
	By      User   `json:"by"`
	At      string `json:"at"`
	// Object is the STIX note that an escalation made; it passes to partners as
	// any object does, through the gate. CAP is the alert as XML.
	Object string `json:"object,omitempty"`
	CAP    string `json:"cap,omitempty"`
}

// OnsetAsk judges an alarm. Status is the CAP status of an escalation.
type OnsetAsk struct {
	Area    string `json:"area"`
	Week    string `json:"week"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
	Status  string `json:"status,omitempty"` // Actual, Exercise or Test
	// FalseAlarms is the rate at which the alarm was shown; 1 where it is left out.
	FalseAlarms float64 `json:"false_alarms,omitempty"`
	By          User    `json:"-"`
}

// JudgedOnset is an alarm with what was said of it.
type JudgedOnset struct {
	watch.OnsetAlarm
	Judgement *OnsetJudgement `json:"judgement,omitempty"`
}

// Onsets are the alarms of the watch with people's judgements.
type Onsets struct {
	// Refused says why nothing can be found yet; that is not a sign of safety.
	Refused     string           `json:"refused,omitempty"`
	Alarms      []JudgedOnset    `json:"alarms"`
	Score       watch.OnsetScore `json:"score"`
	AsOf        string           `json:"as_of,omitempty"`
	Attribution string           `json:"attribution,omitempty"` // what the sources of the data ask to be shown
}

// Onsets finds areas to which violence returns, at a rate of false alarms a
// series and year, and how often such alarms were right.
func (n *Node) Onsets(ctx context.Context, falseAlarms float64) (Onsets, error) {
	out := Onsets{Alarms: []JudgedOnset{}}
	w, err := n.watched(ctx)
	if err != nil {
		return out, err
	}
	p, _, err := watch.Count(w.counted, watch.ByArea, w.asOf)
	if errors.Is(err, watch.ErrNoData) {
		out.Refused = err.Error()
		return out, nil
	}
	if err != nil {
		return out, err
	}
	r, err := watch.FindOnsets(p, falseAlarms)
	if errors.Is(err, watch.ErrShort) {
		out.Refused = err.Error()
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	out.Score, out.AsOf, out.Attribution = r.Score, stamp(w.asOf), w.attribution
	return out, n.view(ctx, func(tx store.Tx) error {
		for _, a := range r.Alarms {
			x := JudgedOnset{OnsetAlarm: a}
			var j OnsetJudgement
			err := getDoc(tx, docOnset, a.Unit+"/"+a.Week.Format(time.DateOnly), &j)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if err == nil {
				x.Judgement = &j
			}
			out.Alarms = append(out.Alarms, x)
		}
		return nil
	})
}

// JudgeOnset notes a person's say on an alarm. Escalating makes a STIX note on
// the incidents that led to it, for the library and through the gate for
// partners, and a CAP alert whose certainty is how often such alarms were right.
func (n *Node) JudgeOnset(ctx context.Context, ask OnsetAsk) (OnsetJudgement, error) {
	j := OnsetJudgement{Area: ask.Area, Week: ask.Week, Verdict: ask.Verdict, Reason: ask.Reason, By: ask.By, At: stamp(n.now())}
	if !slices.Contains([]string{OnsetSeen, OnsetDismissed, OnsetEscalated}, ask.Verdict) {
		return j, fmt.Errorf("%w: say %s, %s or %s", ErrInvalid, OnsetSeen, OnsetDismissed, OnsetEscalated)
	}
	if ask.Verdict == OnsetDismissed && strings.TrimSpace(ask.Reason) == "" {
		return j, fmt.Errorf("%w: say why the alarm is dismissed", ErrInvalid)
	}
	if ask.FalseAlarms == 0 {
		ask.FalseAlarms = 1
	}
	all, err := n.Onsets(ctx, ask.FalseAlarms)
	if err != nil {
		return j, err
	}
	i := slices.IndexFunc(all.Alarms, func(a JudgedOnset) bool { return a.Unit == ask.Area && a.Week.Format(time.DateOnly) == ask.Week })
	if i < 0 {
		return j, fmt.Errorf("%w: there is no alarm for %q in the week of %q", ErrNotFound, clip(ask.Area), clip(ask.Week))
	}
	var note item
	if ask.Verdict == OnsetEscalated {
		if note, err = n.escalate(ctx, all, i, ask, &j); err != nil {
			return j, err
		}
	}
	return j, n.update(ctx, func(tx store.Tx) error {
		if j.Object != "" {
			if _, err := putItem(tx, note); err != nil {
				return err
			}
		}
		return putDoc(tx, docOnset, ask.Area+"/"+ask.Week, j)
	})
}

func (n *Node) escalate(ctx context.Context, all Onsets, i int, ask OnsetAsk, j *OnsetJudgement) (item, error) {
	a, score := all.Alarms[i], all.Score
	terms, err := n.alert(AlertAsk{Status: ask.Status, Certainty: incident.CertaintyOf(score.Precision), Note: ask.Reason, Hours: 14 * 24}, n.now())
	if err != nil {
		return item{}, err
	}
	from, to := a.Week.AddDate(0, 0, -7*(len(a.Evidence)-1)), a.Week.AddDate(0, 0, 7)
	attacks := 0
	for _, y := range a.Evidence {
		attacks += y
	}
	text := fmt.Sprintf("%d attacks in the eight weeks to %s, where %.2f a week were usual. Of such alarms %.0f %% were right in the past.",
		attacks, to.AddDate(0, 0, -1).Format(time.DateOnly), a.Usual, 100*score.Precision)
	if all.Attribution != "" {
		text += "\n\n" + all.Attribution
	}
	title := "Attacks above the usual in " + a.Unit
	var refs []string
	level := stix.Clear // the strictest among the reports that the note rests on
	err = n.view(ctx, func(tx store.Tx) error {
		rows, err := tx.ListIncidents(store.IncidentQuery{Since: from.UnixMicro(), Until: to.UnixMicro(), Area: a.Unit})
		for _, r := range rows {
			refs = append(refs, r.ID)
			in, err := readIncident(r)
			if err != nil {
				return err
			}
			if in.TLP == 0 {
				in.TLP = stix.Red // a report that nobody marked permits nothing
			}
			level = max(level, in.TLP)
		}
		return err
	})
	if err != nil {
		return item{}, err
	}
	if len(refs) == 0 {
		return item{}, fmt.Errorf("%w: the incidents behind the alarm are not held any more", ErrState)
	}
	id, err := uuid.NewRandomFromReader(n.opt.Rand)
	if err != nil {
		return item{}, err
	}
	at := n.now().Format("2006-01-02T15:04:05.000Z")
	raw, err := json.Marshal(map[string]any{
		"type": "note", "spec_version": "2.1", "id": "note--" + id.String(), "created": at, "modified": at,
		"abstract": title, "content": strings.TrimSpace(ask.Reason + "\n" + incident.Tearline + "\n" + text), "object_refs": refs, "labels": []string{"parley-watch"}, "object_marking_refs": []string{level.MarkingRef()},
	})
	if err != nil {
		return item{}, err
	}
	it, err := objectItem(1, raw)
	if err != nil {
		return it, err
	}
	terms.Identifier = "parley-" + id.String()
	alert, err := terms.CAP(incident.Incident{
		ID: "incident--" + id.String(), Title: title, Text: strings.TrimSpace(incident.Tearline + "\n" + ask.Reason + "\n" + text), Admin1: a.Unit,
		Start: n.now().Truncate(24*time.Hour).AddDate(0, 0, 1), End: n.now().Truncate(24*time.Hour).AddDate(0, 0, 15),
		DatePrecision: incident.Week, PlacePrecision: incident.Province, Classes: []incident.Class{incident.UnknownClass}, Kind: incident.OtherKind,
	})
	if err != nil {
		return it, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	j.Object, j.CAP = "note--"+id.String(), string(alert)
	return it, nil
}
