package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley.example/parley/accord"
	"parley.example/parley/incident"
	"parley.example/parley/internal/node"
)

// Who may do what in the browser. The socket may do everything.
var (
	anyone   []string // signed in, whatever the role
	readers  = []string{node.Officer, node.Analyst, node.Approver, node.Operator}
	officers = []string{node.Officer, node.Approver}
	deciders = []string{node.Approver, node.Officer, node.Operator}
	operator = []string{node.Operator}
)

// input is a request's body.
type input[T any] struct{ Body T }

// output is an answer's body.
type output[T any] struct{ Body T }

type byID struct {
	ID string `path:"id" maxLength:"200"`
}

type byIDWith[T any] struct {
	ID   string `path:"id" maxLength:"200"`
	Body T
}

type none struct{}

// handle registers one operation: who may call it, and what the node does.
func handle[I, O any](s *Server, method, path, summary string, roles []string, do func(context.Context, *I) (O, error)) {
	s.roles[summary] = roles
	huma.Register(s.api, huma.Operation{
		OperationID: summary, Method: method, Path: "/api/v1" + path, Summary: summary, MaxBodyBytes: 4 << 20,
		Middlewares: huma.Middlewares{s.doorkeeper(roles)},
	}, func(ctx context.Context, in *I) (*output[O], error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return &output[O]{out}, nil
	})
}

// doorkeeper turns away who may not call an operation before its body is read.
func (s *Server) doorkeeper(roles []string) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		err := allow(c.Context(), roles)
		if err == nil {
			next(c)
			return
		}
		var se huma.StatusError
		errors.As(err, &se)
		_ = huma.WriteErr(s.api, c, se.GetStatus(), se.Error()) // an error here means that the caller went away
	}
}

// RolesOf tells which roles may call an operation in the browser; none means
// everybody who signed in. known is false for operations that are in no table.
func (s *Server) RolesOf(operation string) (roles []string, known bool) {
	roles, known = s.roles[operation]
	return roles, known
}

// Opened tells whether an operation is for who has not signed in.
func (s *Server) Opened(operation string) bool { return s.opened[operation] }

func (s *Server) routes() {
	s.sessionRoutes()
	s.eventRoutes()
	n := s.node
	handle(s, "GET", "/overview", "overview", readers, func(ctx context.Context, _ *none) (node.Overview, error) { return n.Overview(ctx) })
	s.situationRoutes()
	s.watchRoutes()
	s.fusionRoutes()
	handle(s, "GET", "/inbox", "list-inbox", readers, func(ctx context.Context, _ *none) (items, error) {
		got, err := n.Inbox(ctx, 1000)
		return items{got}, err
	})
	handle(s, "GET", "/inbox/{id}", "show-inbox-item", readers, func(ctx context.Context, in *byID) (node.Item, error) { return n.InboxItem(ctx, in.ID) })
	s.gateRoutes()
	s.accordRoutes()
	s.matchRoutes()
	s.deconflictingRoutes()
	s.operatingRoutes()
	s.ledgerRoutes()
	s.localRoutes()
	s.adminRoutes()
	s.oversightRoutes()
	s.taxiiRoutes()
}

type items struct {
	Items []node.Item `json:"items"`
}

type sessionView struct {
	Party   partyView `json:"party"`
	User    node.User `json:"user"`
	Notice  string    `json:"notice"`
	Version string    `json:"version"`
	// LockAfter is after how many idle seconds the console locks itself.
	LockAfter int `json:"lock_after"`
}

type partyView struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
	Mark string `json:"mark"`
}

func (s *Server) session(ctx context.Context, u node.User) (sessionView, error) {
	cfg := s.node.Config()
	v := sessionView{Party: partyView{cfg.Party, cfg.Name, "member", cfg.Mark}, User: u, Notice: cfg.Notice, Version: s.version, LockAfter: int(cfg.IdleLock().Seconds())}
	as, err := s.node.ListAccords(ctx)
	witness := len(as) > 0
	for _, a := range as {
		for _, m := range a.Members {
			witness = witness && !m.Me
		}
	}
	if witness {
		v.Party.Role = "witness"
	}
	return v, err
}

type reasonBody struct {
	Reason string `json:"reason" maxLength:"2000"`
}

func (s *Server) accordRoutes() {
	n := s.node
	handle(s, "GET", "/accords", "list-accords", anyone, func(ctx context.Context, _ *none) (out struct {
		Accords []node.Accord `json:"accords"`
	}, err error) {
		out.Accords, err = n.ListAccords(ctx)
		return out, err
	})
	handle(s, "GET", "/accords/{id}", "show-accord", anyone, func(ctx context.Context, in *byID) (node.Accord, error) { return n.ShowAccord(ctx, in.ID) })
	handle(s, "POST", "/accords/{id}/sign", "sign-accord", deciders, func(ctx context.Context, in *byID) (node.Accord, error) { return n.SignAccord(ctx, in.ID) })
	handle(s, "POST", "/accords/{id}/suspend", "suspend-accord", deciders, func(ctx context.Context, in *byIDWith[reasonBody]) (node.Accord, error) {
		return n.Suspend(ctx, in.ID, in.Body.Reason)
	})
	handle(s, "POST", "/accords/{id}/resume", "resume-accord", deciders, func(ctx context.Context, in *byID) (node.Accord, error) { return n.Resume(ctx, in.ID) })
	handle(s, "POST", "/accords/{id}/end", "end-accord", deciders, func(ctx context.Context, in *byIDWith[reasonBody]) (node.Accord, error) {
		return n.EndAccord(ctx, in.ID, in.Body.Reason)
	})
	handle(s, "GET", "/accords/{id}/account", "show-account", append([]string{node.Auditor}, readers...), func(ctx context.Context, in *struct {
		ID    string `path:"id" maxLength:"200"`
		Party string `query:"party" doc:"may be left out where there is one other member"`
	}) (node.AccountView, error) {
		return n.Account(ctx, in.ID, in.Party)
	})
	handle(s, "POST", "/withdraw", "withdraw", officers, func(ctx context.Context, in *input[node.WithdrawAsk]) (node.Withdrawal, error) {
		return n.Withdraw(ctx, in.Body)
	})
	handle(s, "POST", "/inbox/{id}/judge", "judge", readers, func(ctx context.Context, in *byIDWith[struct {
		Use string `json:"use"`
	}]) (node.Item, error) {
		return n.Judge(ctx, in.ID, in.Body.Use)
	})
	handle(s, "POST", "/accords/{id}/rung", "set-rung", deciders, func(ctx context.Context, in *byIDWith[struct {
		To   string `json:"to"`
		Rung string `json:"rung"`
	}]) (node.Accord, error) {
		var r accord.Rung
		if err := r.UnmarshalText([]byte(in.Body.Rung)); err != nil {
			return node.Accord{}, huma.Error422UnprocessableEntity(err.Error())
		}
		return n.SetRung(ctx, in.ID, in.Body.To, r)
	})
	handle(s, "POST", "/accords/{id}/accept", "accept-rung", deciders, func(ctx context.Context, in *byIDWith[struct {
		From string `json:"from"`
	}]) (node.Accord, error) {
		return n.AcceptRung(ctx, in.ID, in.Body.From)
	})
	// The terms' own reader checks them: it refuses misspelt ones and says
	// everything that is wrong.
	s.roles["save-draft"] = deciders
	huma.Register(s.api, huma.Operation{OperationID: "save-draft", Method: "POST", Path: "/api/v1/drafts/{id}", Summary: "save-draft", SkipValidateBody: true, MaxBodyBytes: 1 << 20, DefaultStatus: 204},
		func(ctx context.Context, in *struct {
			ID      string `path:"id" maxLength:"100"`
			RawBody []byte `contentType:"application/json"`
		}) (*none, error) {
			if err := allow(ctx, deciders); err != nil {
				return nil, err
			}
			d, err := node.ParseDraft(in.RawBody)
			if err == nil {
				err = n.SaveDraft(ctx, in.ID, d)
			}
			return nil, s.problem(ctx, err)
		})
	handle(s, "GET", "/drafts", "list-drafts", deciders, func(ctx context.Context, _ *none) (out struct {
		Drafts []node.KeptDraft `json:"drafts"`
	}, err error) {
		out.Drafts, err = n.Drafts(ctx)
		return out, err
	})
	handle(s, "POST", "/drafts/{id}/offer", "offer-accord", deciders, func(ctx context.Context, in *byID) (node.Accord, error) { return n.OfferAccord(ctx, in.ID) })
}

func (s *Server) matchRoutes() {
	s.matchingRoutes()
	n := s.node
	handle(s, "GET", "/requests", "list-requests", readers, func(ctx context.Context, _ *none) (out struct {
		Requests []node.Request `json:"requests"`
	}, err error) {
		out.Requests, err = n.Requests(ctx)
		return out, err
	})
	handle(s, "POST", "/requests", "make-request", officers, func(ctx context.Context, in *input[node.RequestAsk]) (node.Request, error) {
		return n.MakeRequest(ctx, in.Body)
	})
	handle(s, "POST", "/requests/{id}/answer", "answer-request", officers, func(ctx context.Context, in *byIDWith[struct {
		Decision string `json:"decision" enum:"release,decline"`
		Object   string `json:"object,omitempty"`
		// ReceiptFirst: see release.
		ReceiptFirst bool `json:"receipt_first,omitempty"`
	}]) (answerView, error) {
		req, rel, err := n.AnswerRequest(ctx, in.ID, node.RequestAnswer{
			Release: in.Body.Decision == "release", Object: in.Body.Object, By: who(ctx), ReceiptFirst: in.Body.ReceiptFirst,
		})
		return answerView{req, rel}, err
	})
}

// answerView is a request and, where one was tried, the gate's answer.
type answerView struct {
	node.Request
	Release *node.Release `json:"release,omitempty"`
}

func (s *Server) ledgerRoutes() {
	n := s.node
	handle(s, "GET", "/ledger", "list-ledger", anyone, func(ctx context.Context, in *struct {
		Accord string `query:"accord"`
		Limit  int    `query:"limit" minimum:"0" maximum:"10000"`
	}) (node.LedgerView, error) {
		return n.Ledger(ctx, in.Accord, in.Limit)
	})
	s.roles["export-receipt"] = anyone
	huma.Register(s.api, huma.Operation{OperationID: "export-receipt", Method: "GET", Path: "/api/v1/ledger/receipt", Summary: "receipt file for an event"},
		func(ctx context.Context, in *struct {
			Log   string `query:"log" required:"true"`
			Index int64  `query:"index" required:"true" minimum:"0"`
		}) (*huma.StreamResponse, error) {
			if err := allow(ctx, anyone); err != nil {
				return nil, err
			}
			file, err := n.Receipt(ctx, in.Log, in.Index)
			if err != nil {
				return nil, s.problem(ctx, err)
			}
			return download("parley-receipt.txt", file), nil
		})
	s.roles["export-evidence"] = anyone
	huma.Register(s.api, huma.Operation{OperationID: "export-evidence", Method: "GET", Path: "/api/v1/alarms/{id}/evidence", Summary: "evidence file of an alarm"},
		func(ctx context.Context, in *byID) (*huma.StreamResponse, error) {
			if err := allow(ctx, anyone); err != nil {
				return nil, err
			}
			all, err := n.Alarms(ctx)
			if err != nil {
				return nil, s.problem(ctx, err)
			}
			for _, a := range all {
				if a.ID == in.ID && a.Evidence != "" {
					return download("parley-evidence.txt", []byte(a.Evidence)), nil
				}
			}
			return nil, huma.Error404NotFound("there is no alarm with that id that carries evidence")
		})
	handle(s, "GET", "/alarms", "list-alarms", anyone, func(ctx context.Context, _ *none) (out struct {
		Alarms []node.Alarm `json:"alarms"`
	}, err error) {
		out.Alarms, err = n.Alarms(ctx)
		return out, err
	})
}

func download(name string, body []byte) *huma.StreamResponse {
	return downloadFrom(name, io.NopCloser(bytes.NewReader(body)))
}

// downloadFrom is download of what can be read once; it is closed afterwards.
func downloadFrom(name string, body io.ReadCloser) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer body.Close()
		c.SetHeader("Content-Type", "application/octet-stream")
		c.SetHeader("Content-Disposition", `attachment; filename="`+name+`"`)
		_, _ = io.Copy(c.BodyWriter(), body)
	}}
}

// localRoutes are for the operator, which mostly means the command line.
func (s *Server) localRoutes() {
	n := s.node
	handle(s, "GET", "/cards", "list-cards", anyone, func(ctx context.Context, _ *none) (out struct {
		Cards []node.Card `json:"cards"`
	}, err error) {
		out.Cards, err = n.Cards(ctx)
		return out, err
	})
	handle(s, "GET", "/card", "show-card", anyone, func(context.Context, *none) (node.Card, error) { return n.OwnCard(), nil })
	s.roles["show-card-code"] = anyone
	huma.Register(s.api, huma.Operation{OperationID: "show-card-code", Method: "GET", Path: "/api/v1/card/code", Summary: "our card as a QR code", Middlewares: huma.Middlewares{s.doorkeeper(anyone)}},
		func(context.Context, *none) (*pngView, error) { return cardCode(n.OwnCard().Note) })
	handle(s, "POST", "/card/rotate", "rotate-key", operator, func(ctx context.Context, _ *none) (node.Card, error) { return n.RotateKey(ctx) })
	handle(s, "POST", "/cards", "add-card", operator, func(ctx context.Context, in *input[struct {
		Note        string `json:"note"`
		Fingerprint string `json:"fingerprint,omitempty"`
	}]) (node.Card, error) {
		return n.AddCard(ctx, []byte(in.Body.Note), in.Body.Fingerprint)
	})
	handle(s, "POST", "/links", "make-link", operator, func(ctx context.Context, in *input[node.User]) (out struct {
		Link string `json:"link"`
	}, err error) {
		out.Link, err = n.SignInLink(ctx, in.Body)
		return out, err
	})
	handle(s, "POST", "/sync", "sync", operator, func(ctx context.Context, in *input[struct {
		Accord string `json:"accord"`
		Party  string `json:"party"`
	}]) (none, error) {
		a, err := n.ShowAccord(ctx, in.Body.Accord)
		if err == nil {
			err = n.Sync(ctx, a.ID, in.Body.Party)
		}
		return none{}, err
	})
	handle(s, "POST", "/snapshot", "snapshot", operator, func(ctx context.Context, _ *none) (out struct {
		Path string `json:"path"`
	}, err error) {
		out.Path, err = n.Snapshot(ctx)
		return out, err
	})
	handle(s, "GET", "/examine", "examine", operator, func(ctx context.Context, _ *none) (out struct {
		Checks []node.Check `json:"checks"`
	}, err error) {
		out.Checks, err = n.Examine(ctx)
		return out, err
	})
	handle(s, "GET", "/audit", "audit", []string{node.Operator, node.Auditor}, func(ctx context.Context, _ *none) (node.Audit, error) { return n.Audit(ctx) })
	handle(s, "GET", "/recoveries", "list-recoveries", anyone, func(ctx context.Context, _ *none) (out struct {
		Recoveries []node.Recovery `json:"recoveries"`
	}, err error) {
		out.Recoveries, err = n.Recoveries(ctx)
		return out, err
	})
	handle(s, "POST", "/accords/{id}/sign-on", "sign-on", operator, func(ctx context.Context, in *byID) (node.Recovery, error) {
		return n.SignOn(ctx, in.ID)
	})
	handle(s, "GET", "/held", "count-held", anyone, func(ctx context.Context, _ *none) (node.Held, error) { return n.Held(ctx) })
	handle(s, "GET", "/objects/{id}", "show-object", readers, func(ctx context.Context, in *byID) (json.RawMessage, error) { return n.ShowObject(ctx, in.ID) })
	handle(s, "GET", "/accords/{id}/events", "list-event-data", anyone, func(ctx context.Context, in *struct {
		ID    string `path:"id"`
		Party string `query:"party" required:"true"`
		Kind  string `query:"kind" required:"true"`
	}) (out struct {
		Events []json.RawMessage `json:"events"`
	}, err error) {
		out.Events, err = n.EventData(ctx, in.ID, in.Party, in.Kind)
		return out, err
	})
	s.roles["export-parcel"] = operator
	huma.Register(s.api, huma.Operation{OperationID: "export-parcel", Method: "GET", Path: "/api/v1/parcels", Summary: "parcel file for a partner"},
		func(ctx context.Context, in *struct {
			Accord string `query:"accord" required:"true"`
			Party  string `query:"party" required:"true"`
		}) (*huma.StreamResponse, error) {
			if err := allow(ctx, operator); err != nil {
				return nil, err
			}
			// A file, which may be long, and not memory: it must be whole before the
			// first byte is sent, so that an error can still be told.
			file, err := os.CreateTemp(n.Dir(), "export-")
			if err != nil {
				return nil, s.problem(ctx, err)
			}
			err = os.Remove(file.Name())
			if err == nil {
				err = n.ExportParcel(ctx, in.Accord, in.Party, file)
			}
			if err == nil {
				_, err = file.Seek(0, io.SeekStart)
			}
			if err != nil {
				file.Close()
				return nil, s.problem(ctx, err)
			}
			return downloadFrom("parley.parcel", file), nil
		})
	// Files are streamed, so they do not pass through the API library.
	s.mux.HandleFunc("POST /api/v1/parcels", s.upload(operator, func(ctx context.Context, _ *http.Request, body io.Reader) (any, error) {
		return n.ImportParcel(ctx, body)
	}))
	s.mux.HandleFunc("POST /api/v1/import", s.upload([]string{node.Analyst, node.Officer, node.Operator}, s.importFile))
	s.mux.HandleFunc("GET /api/v1/export", s.exportFile)
}

// maxImport bounds an imported file in bytes.
const maxImport = 2 << 30

// upload handles an operation whose request is a file.
func (s *Server) upload(roles []string, do func(context.Context, *http.Request, io.Reader) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		write := func(status int, typ string, v any) {
			w.Header().Set("Content-Type", typ)
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(v) // an error here means that the caller went away
		}
		err := allow(ctx, roles)
		var out any
		if err == nil {
			out, err = do(ctx, r, http.MaxBytesReader(w, r.Body, maxImport))
		}
		if err != nil {
			var se huma.StatusError
			errors.As(s.problem(ctx, err), &se)
			write(se.GetStatus(), "application/problem+json", se)
			return
		}
		write(http.StatusOK, "application/json", out)
	}
}

func (s *Server) importFile(ctx context.Context, r *http.Request, body io.Reader) (any, error) {
	var mapping *incident.Mapping
	if m := r.URL.Query().Get("map"); m != "" {
		got, err := incident.ReadMapping(strings.NewReader(m))
		if err != nil {
			return nil, huma.Error422UnprocessableEntity("mapping: " + err.Error())
		}
		mapping = &got
	}
	q := r.URL.Query()
	return s.node.Import(ctx, body, node.ImportAsk{Format: q.Get("format"), Mapping: mapping, Run: q.Get("run"), Name: q.Get("name")})
}
