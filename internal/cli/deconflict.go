package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley.example/parley/deconflict"
	"parley.example/parley/internal/node"
)

func (a *app) deconflictCmd() *cobra.Command {
	return group("deconflict", "Find out blindly whether plans collide with a partner's",
		a.deconflictEnterCmd(), a.deconflictListCmd(), a.deconflictShowCmd(), a.deconflictWithdrawCmd(), a.deconflictDeskCmd(),
		a.deconflictExchangesCmd(), a.deconflictRunCmd(),
		a.exchangeCmd("ack SESSION", "Acknowledge an overlap; the partner sees it", "acknowledge", nil),
		a.deconflictResolveCmd(),
		a.exchangeCmd("settle SESSION", "Have the arbiter show what a partner owes", "settle", nil),
		a.deconflictOpenCmd(), a.deconflictEvidenceCmd())
}

func (a *app) deconflictEnterCmd() *cobra.Command {
	var ask node.FootprintAsk
	var places []string
	var area, from, until, repeatUntil, change, unit, telephone string
	var every time.Duration
	c := &cobra.Command{
		Use: "enter", Short: "Enter where and when something is planned, and match it with the partners", Args: cobra.NoArgs,
		Long: "Enters a footprint. Nothing of it leaves the node: partners learn that and where plans overlap, or\nnothing at all. A place is LAT,LON,RADIUS-KM[,NAME]; an area is a file with a GeoJSON polygon; times are\nRFC 3339 (2026-03-06T14:00:00Z).",
		RunE: func(c *cobra.Command, _ []string) error {
			for _, p := range places {
				s, err := parseSpot(p)
				if err != nil {
					return err
				}
				ask.Places = append(ask.Places, s)
			}
			if area != "" {
				b, err := readFile(area, a.in)
				if err != nil {
					return err
				}
				if ask.Area, err = parseArea(b); err != nil {
					return &codeError{exitNo, fmt.Errorf("%s: %w", area, err)}
				}
			}
			for _, t := range []struct {
				flag, text string
				to         *time.Time
			}{{"from", from, &ask.From}, {"until", until, &ask.Until}, {"repeat-until", repeatUntil, &ask.RepeatUntil}} {
				if t.text == "" {
					continue
				}
				at, err := time.Parse(time.RFC3339, t.text)
				if err != nil {
					return usage("--%s %q is no time such as 2026-03-06T14:00:00Z", t.flag, t.text)
				}
				*t.to = at
			}
			if every%time.Hour != 0 {
				return usage("--every is whole hours, such as 24h")
			}
			ask.EveryHours = int(every / time.Hour)
			if unit != "" || telephone != "" {
				ask.Unit = &deconflict.Unit{Name: unit, Telephone: telephone}
			}
			ask.ID = change
			var f node.Footprint
			if err := a.client().Post(c.Context(), "/deconflict/footprints", ask, &f); err != nil {
				return err
			}
			return a.show(f, func(w io.Writer) { footprintLines(w, f) })
		},
	}
	f := c.Flags()
	f.StringArrayVar(&places, "place", nil, "a place, LAT,LON,RADIUS-KM[,NAME]; may be given several times")
	f.StringVar(&area, "area", "", "file with a GeoJSON polygon; - for standard input")
	f.StringVar(&from, "from", "", "when it begins")
	f.StringVar(&until, "until", "", "when it ends, or its first occurrence does")
	f.DurationVar(&every, "every", 0, "repeat at this interval, such as 24h")
	f.StringVar(&repeatUntil, "repeat-until", "", "until when it repeats")
	f.BoolVar(&ask.Standing, "standing", false, "it goes on; matched again in each epoch")
	f.StringVar(&ask.Purpose, "purpose", "", strings.Join(deconflict.Purposes, ", "))
	f.StringVar(&ask.LegalBasis, "legal-basis", "", "the law or order on which it rests")
	f.StringVar(&ask.Officer, "officer", "", "the responsible officer")
	f.StringVar(&ask.Title, "title", "", "a title for our own people; it never leaves")
	f.StringVar(&unit, "unit", "", "the unit on whose behalf it is entered")
	f.StringVar(&telephone, "telephone", "", "how that unit is called back")
	f.StringArrayVar(&ask.Accords, "accord", nil, "an accord under which it counts; left out: all whose rung allows it")
	f.StringVar(&change, "change", "", "id of the footprint of which this is a change of plan")
	for _, n := range []string{"from", "purpose", "legal-basis", "officer"} {
		_ = c.MarkFlagRequired(n)
	}
	return c
}

// parseSpot reads LAT,LON,RADIUS-KM[,NAME].
func parseSpot(text string) (s deconflict.Spot, err error) {
	f := strings.SplitN(text, ",", 4)
	if len(f) < 3 {
		return s, usage("--place %q: write LAT,LON,RADIUS-KM[,NAME], such as 34.40,70.50,3,Torkham", text)
	}
	for i, to := range []*float64{&s.Lat, &s.Lon, &s.RadiusKM} {
		if *to, err = strconv.ParseFloat(strings.TrimSpace(f[i]), 64); err != nil {
			return s, usage("--place %q: %q is no number", text, f[i])
		}
	}
	if len(f) == 4 {
		s.Name = strings.TrimSpace(f[3])
	}
	return s, nil
}

// parseArea reads the outer ring of a GeoJSON Polygon, alone or in a Feature or a
// FeatureCollection of one (RFC 7946).
func parseArea(b []byte) ([]deconflict.Spot, error) {
	var g struct {
		Type        string            `json:"type"`
		Features    []json.RawMessage `json:"features"`
		Geometry    json.RawMessage   `json:"geometry"`
		Coordinates [][][]float64     `json:"coordinates"`
	}
	if err := json.Unmarshal(b, &g); err != nil {
		return nil, fmt.Errorf("it is no GeoJSON polygon: %w", err)
	}
	switch {
	case g.Type == "FeatureCollection" && len(g.Features) == 1:
		return parseArea(g.Features[0])
	case g.Type == "Feature" && g.Geometry != nil:
		return parseArea(g.Geometry)
	case g.Type != "Polygon" || len(g.Coordinates) != 1:
		return nil, fmt.Errorf("it is a GeoJSON %q; give one Polygon without holes", g.Type)
	}
	var out []deconflict.Spot
	for i, p := range g.Coordinates[0] {
		if len(p) < 2 {
			return nil, fmt.Errorf("corner %d has no longitude and latitude", i+1)
		}
		out = append(out, deconflict.Spot{Lat: p[1], Lon: p[0]})
	}
	return out, nil
}

func footprintLines(w io.Writer, f node.Footprint) {
	line(w, f.Answer)
	line(w, "footprint", f.ID, fmt.Sprintf("version %d", f.Version), f.State, f.Title, f.Purpose, f.Officer)
	for _, x := range f.With {
		line(w, "  with", x.Party, x.State, x.Contact, x.Reason)
		if x.Overlap == nil {
			continue
		}
		line(w, "    session", x.Session)
		for _, t := range x.Overlap.Windows {
			line(w, "    when", t.From.Format(time.RFC3339), t.Until.Format(time.RFC3339))
		}
		for _, p := range x.Overlap.Cells {
			line(w, "    where", p.Cell, fmt.Sprintf("%.4f, %.4f", p.Lat, p.Lon))
		}
	}
}

func (a *app) deconflictListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show what our people plan and what overlaps", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Footprints []node.Footprint `json:"footprints"`
			}
			if err := a.client().Get(c.Context(), "/deconflict/footprints", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, f := range out.Footprints {
					line(w, f.ID, f.At, f.State, f.Title, f.Officer, f.Answer)
				}
			})
		},
	}
}

func (a *app) deconflictShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show FOOTPRINT", Short: "Show a footprint and what overlaps with it", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var f node.Footprint
			if err := a.client().Get(c.Context(), "/deconflict/footprints/"+url.PathEscape(args[0]), nil, &f); err != nil {
				return err
			}
			return a.show(f, func(w io.Writer) { footprintLines(w, f) })
		},
	}
}

func (a *app) deconflictWithdrawCmd() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "withdraw FOOTPRINT", Short: "Take a footprint back", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var f node.Footprint
			if err := a.client().Post(c.Context(), "/deconflict/footprints/"+url.PathEscape(args[0])+"/withdraw", map[string]string{"reason": reason}, &f); err != nil {
				return err
			}
			return a.show(f, func(w io.Writer) { footprintLines(w, f) })
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for our own people")
	return c
}

func (a *app) deconflictDeskCmd() *cobra.Command {
	var d node.Desk
	c := &cobra.Command{
		Use: "desk", Short: "Set how partners reach our desk where plans overlap", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.client().Post(c.Context(), "/deconflict/desk", d, &d); err != nil {
				return err
			}
			return a.show(d, func(w io.Writer) { line(w, "under", short(d.Accord), "partners are told", d.Contact) })
		},
	}
	c.Flags().StringVar(&d.Accord, "accord", "", "the accord")
	c.Flags().StringVar(&d.Contact, "contact", "", "such as \"Joint desk, +93 20 210 0000\"")
	_ = c.MarkFlagRequired("accord")
	_ = c.MarkFlagRequired("contact")
	return c
}

func exchangeLine(w io.Writer, x node.Exchange) {
	found := "nothing overlaps"
	if len(x.Overlaps) > 0 {
		found = fmt.Sprintf("%d of our plans overlap: call %s", len(x.Overlaps), x.Contact)
	} else if x.State != "done" {
		found = x.Reason
	}
	arbiter := "masks in turn"
	if x.Arbiter != "" {
		arbiter = "arbiter " + x.Arbiter
	}
	if x.Settled {
		arbiter += " (settled it)"
	}
	line(w, short(x.ID), x.At, "with "+x.Party, "opened by "+x.Opener, arbiter, x.State, found)
	if x.Owed > 0 && x.State != "done" {
		line(w, "", fmt.Sprintf("%s holds our mask and owes its own: parley deconflict settle, or evidence, %s", x.Party, short(x.ID)))
	}
	if x.Acked != "" || x.TheyAcked != "" {
		line(w, "", "acknowledged", "we "+dash(x.Acked), "they "+dash(x.TheyAcked), "resolved", "we "+dash(x.Resolved), "they "+dash(x.TheyResolved))
	}
}

func dash(s string) string {
	if s == "" {
		return "not yet"
	}
	return s
}

func (a *app) deconflictExchangesCmd() *cobra.Command {
	return &cobra.Command{
		Use: "exchanges", Short: "Show the exchanges with partners", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var out struct {
				Exchanges []node.Exchange `json:"exchanges"`
			}
			if err := a.client().Get(c.Context(), "/deconflict/exchanges", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				for _, x := range out.Exchanges {
					exchangeLine(w, x)
				}
			})
		},
	}
}

func (a *app) deconflictRunCmd() *cobra.Command {
	var in struct {
		Accord string `json:"accord"`
		To     string `json:"to,omitempty"`
	}
	c := &cobra.Command{
		Use: "run", Short: "Match all that we plan with a partner now", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var x node.Exchange
			if err := a.client().Post(c.Context(), "/deconflict/exchanges", in, &x); err != nil {
				return err
			}
			return a.show(x, func(w io.Writer) { exchangeLine(w, x) })
		},
	}
	c.Flags().StringVar(&in.Accord, "accord", "", "the accord")
	c.Flags().StringVar(&in.To, "to", "", "the partner; may be left out where there is one")
	_ = c.MarkFlagRequired("accord")
	return c
}

// exchangeCmd does something to an exchange and shows it.
func (a *app) exchangeCmd(use, what, path string, body func() any) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: what, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var in any
			if body != nil {
				in = body()
			}
			var x node.Exchange
			if err := a.client().Post(c.Context(), "/deconflict/exchanges/"+url.PathEscape(args[0])+"/"+path, in, &x); err != nil {
				return err
			}
			return a.show(x, func(w io.Writer) { exchangeLine(w, x) })
		},
	}
}

func (a *app) deconflictResolveCmd() *cobra.Command {
	var how, note string
	c := a.exchangeCmd("resolve SESSION", "Record how an overlap was resolved; the partner is told how, never the note", "resolve",
		func() any { return map[string]string{"how": how, "note": note} })
	c.Flags().StringVar(&how, "how", "", strings.Join(node.Resolutions, ", "))
	c.Flags().StringVar(&note, "note", "", "for our own people alone")
	_ = c.MarkFlagRequired("how")
	return c
}

func (a *app) deconflictOpenCmd() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "open SESSION", Short: "Open for oversight what we matched, against the ledger's commitment", Args: cobra.ExactArgs(1),
		Long: "Writes the footprints that took part in an exchange, the seed that opens the commitment to them, and the\nreceipt of that commitment, as a file for oversight, ours or on its demand the partner's. parley verify\njudges it offline: that nothing else than these footprints was matched.",
		RunE: func(c *cobra.Command, args []string) error {
			var o deconflict.PlansOpening
			return a.fetchProof(c, "/deconflict/exchanges/"+url.PathEscape(args[0])+"/opening", &o, out)
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "parley-opening.json", "file to write; - for standard output")
	return c
}

func (a *app) deconflictEvidenceCmd() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "evidence SESSION", Short: "Write the evidence that a partner holds our mask and keeps its own", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var e node.OweEvidence
			return a.fetchProof(c, "/deconflict/exchanges/"+url.PathEscape(args[0])+"/evidence", &e, out)
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "parley-owed.json", "file to write; - for standard output")
	return c
}

// fetchProof gets a file that parley verify judges and writes it.
func (a *app) fetchProof(c *cobra.Command, path string, into any, out string) error {
	if err := a.client().Get(c.Context(), path, nil, into); err != nil {
		return err
	}
	b, err := json.MarshalIndent(into, "", "  ")
	if err != nil {
		return err
	}
	return a.writeProof(out, append(b, '\n'), 0o600, "")
}

// verifyDeconflict judges the files of the two commands above; ok is false where it
// is neither.
func verifyDeconflict(out *verification, b []byte, newer [][]byte) (ok bool) {
	var kind struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(b, &kind) != nil {
		return false
	}
	var err error
	switch kind.Type {
	case deconflict.OpeningType:
		out.What = "footprint opening"
		var o deconflict.PlansOpening
		if err = json.Unmarshal(b, &o); err == nil {
			fs, v, cerr := node.CheckFootprintOpening(o, newer...)
			if err = cerr; err == nil {
				out.Signers, out.Accord, out.Title, out.Index = append([]string{v.Event.Party}, v.Members...), v.Accord.ID, v.Accord.Terms.Title, v.Index
				out.Kind, out.Log, out.At, out.Event = string(v.Event.Kind), v.Checkpoint.Origin, v.Event.At.UTC().Format(time.RFC3339Nano), fs
			}
		}
	case node.OweEvidenceType:
		out.What = "evidence of an owed mask"
		var e node.OweEvidence
		if err = json.Unmarshal(b, &e); err == nil {
			err = e.Check(newer...)
			out.Signers, out.Accord = []string{e.By, e.Party}, e.Accord
			out.Reasons = append(out.Reasons, fmt.Sprintf("%s sealed and holds the mask of part %d that %s showed; that it did not show its own is the word of %s, which a receipt of it would refute", e.Party, e.Part, e.By, e.By))
		}
	default:
		return false
	}
	if out.OK = err == nil; err != nil {
		out.Reasons = []string{err.Error()}
	}
	return true
}
