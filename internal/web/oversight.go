package web

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley.example/parley/internal/node"
)

// overseers may see everything that happened, and export it.
var overseers = []string{node.Auditor, node.Operator}

const oversightNote = `What this node and its partners did, for oversight.

receipts/   one file for each act that is open to this node. Each proves itself,
            without this node and without a network:  parley verify receipts/*
not-proven.txt  acts of which there is no receipt, and why
evidence/   proof of what a partner did against the protocol:  parley verify evidence/*
accords/    the signed agreements, as they were signed
cards/      the parties' cards; compare fingerprints by voice
ledger.json the acts in a list, and where each log stands
audit.json  this node's own check of every log, made for this export
matching.json  private questions on both sides, without what was asked; quotas
alarms.json, recoveries.json

Content that was released stands in no file; receipts hold its digest.
`

// oversightRoutes are for inspectors: everything that happened, in one file that
// can be verified elsewhere.
func (s *Server) oversightRoutes() {
	s.roles["export-oversight"] = overseers
	huma.Register(s.api, huma.Operation{OperationID: "export-oversight", Method: "GET", Path: "/api/v1/oversight/export", Summary: "everything that happened, verifiable without this node (ZIP)", Middlewares: huma.Middlewares{s.doorkeeper(overseers)}},
		func(ctx context.Context, in *struct {
			Accord string `query:"accord" doc:"may be left out: all accords"`
			From   string `query:"from" doc:"first day of acts, YYYY-MM-DD"`
			To     string `query:"to" doc:"last day of acts, YYYY-MM-DD"`
		}) (*huma.StreamResponse, error) {
			for _, d := range []string{in.From, in.To} {
				if _, err := time.Parse(time.DateOnly, d); d != "" && err != nil {
					return nil, huma.Error422UnprocessableEntity("give days as YYYY-MM-DD, not " + d)
				}
			}
			// A file, so that an error can still be told and memory stays small.
			file, err := os.CreateTemp(s.node.Dir(), "export-")
			if err != nil {
				return nil, s.problem(ctx, err)
			}
			if err = os.Remove(file.Name()); err == nil {
				err = s.writeOversight(ctx, file, in.Accord, in.From, in.To)
			}
			if err == nil {
				_, err = file.Seek(0, io.SeekStart)
			}
			if err != nil {
				file.Close()
				return nil, s.problem(ctx, err)
			}
			return downloadFrom("parley-oversight.zip", file), nil
		})
}

func (s *Server) writeOversight(ctx context.Context, w io.Writer, accord, from, to string) error {
	n := s.node
	z := zip.NewWriter(w)
	put := func(name string, b []byte, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Now().UTC()})
		if err == nil {
			_, err = f.Write(b)
		}
		return err
	}
	list := func(name string, v any, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b, err := json.MarshalIndent(v, "", "  ")
		return put(name, append(b, '\n'), err)
	}
	if err := put("README.txt", []byte(oversightNote), nil); err != nil {
		return err
	}
	ledger, err := n.Ledger(ctx, accord, 1_000_000)
	kept := ledger.Events[:0]
	for _, e := range ledger.Events {
		if day := e.At[:min(len(e.At), 10)]; (from == "" || day >= from) && (to == "" || day <= to) {
			kept = append(kept, e)
		}
	}
	ledger.Events = kept
	if err := list("ledger.json", ledger, err); err != nil {
		return err
	}
	var unproven strings.Builder
	for _, e := range ledger.Events {
		b, err := n.Receipt(ctx, e.Log, e.Index)
		if err != nil {
			// An accord that not all have signed proves nothing to others.
			fmt.Fprintf(&unproven, "%s %d %s: %v\n", e.Log, e.Index, e.Kind, err)
			continue
		}
		if err := put(fmt.Sprintf("receipts/%.12s-%s-%06d-%s.txt", e.Log[len("parley/"):], e.Party, e.Index, e.Kind), b, err); err != nil {
			return err
		}
	}
	if err := put("not-proven.txt", []byte(unproven.String()), nil); err != nil {
		return err
	}
	audit, err := n.Audit(ctx)
	if err := list("audit.json", audit, err); err != nil {
		return err
	}
	matching, err := n.MatchHistory(ctx, accord)
	if err := list("matching.json", matching, err); err != nil {
		return err
	}
	recoveries, err := n.Recoveries(ctx)
	if err := list("recoveries.json", recoveries, err); err != nil {
		return err
	}
	alarms, err := n.Alarms(ctx)
	if err := list("alarms.json", alarms, err); err != nil {
		return err
	}
	for i, a := range alarms {
		if a.Evidence == "" {
			continue
		}
		if err := put(fmt.Sprintf("evidence/%03d-%s.txt", i, a.Party), []byte(a.Evidence), nil); err != nil {
			return err
		}
	}
	accords, err := n.ListAccords(ctx)
	if err != nil {
		return err
	}
	for _, a := range accords {
		if err := put("accords/"+a.ID+".txt", []byte(a.Text), nil); err != nil {
			return err
		}
	}
	cards, err := n.Cards(ctx)
	if err != nil {
		return err
	}
	for _, c := range cards {
		if err := put("cards/"+c.Party+".txt", []byte(c.Note), nil); err != nil {
			return err
		}
	}
	return z.Close()
}
