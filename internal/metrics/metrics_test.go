package metrics_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley.example/parley/internal/metrics"
	"parley.example/parley/internal/node"
)

const secret = "zalmay-bazaar"

type fake struct{ err error }

func (f fake) Figures(context.Context) (node.Figures, error) {
	heard := "2026-01-02T03:04:05Z"
	return node.Figures{
		Incidents: 7, Objects: 9, Waiting: map[string]int{"request": 1}, Alarms: 2, Restored: 1, Feeds: 3, FeedsFailing: 1,
		Partners: []node.Partner{
			{Party: "south", Name: secret, Accord: secret, AccordTitle: secret, State: "suspended", LastContact: &heard, WaitingOut: 4, Reason: secret},
			{Party: "south", State: "in force", WaitingOut: 5},
		},
		Exchanges: []node.ExchangeCount{{Party: "south", Direction: "out", Done: 3, Failed: 1}},
		CardEnds:  map[string]time.Time{"south": time.Unix(1e9, 0)}, CertificateEnds: time.Unix(2e9, 0), LastBackup: time.Unix(3e9, 0), DiskFree: 11, DatabaseBytes: 12,
	}, f.err
}

func scrape(t *testing.T, s *metrics.Set) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("scrape: %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// full is a set that has something to tell of everything.
func full(t *testing.T) *metrics.Set {
	t.Helper()
	s := metrics.New("test")
	s.Lead(fake{})
	h := s.Count("console", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/"+secret, nil))
	slog.New(s.Log(slog.NewTextHandler(io.Discard, nil))).With("a", 1).WithGroup("g").Error(secret)
	return s
}

func TestFigures(t *testing.T) {
	got := scrape(t, full(t))
	for _, want := range []string{
		`parley_leads 1`, `parley_figures_failed 0`, `parley_incidents 7`, `parley_objects 9`, `parley_waiting{kind="request"} 1`,
		`parley_alarms 2`, `parley_logs_behind_signatures 1`, `parley_partner_last_contact_timestamp_seconds{party="south"} 1.767323045e+09`,
		`parley_partner_waiting_out{party="south"} 9`, `parley_partner_suspended{party="south"} 1`,
		`parley_exchanges_total{direction="out",party="south",result="done"} 3`, `parley_exchanges_total{direction="out",party="south",result="failed"} 1`,
		`parley_card_expiry_timestamp_seconds{party="south"} 1e+09`, `parley_certificate_expiry_timestamp_seconds 2e+09`, `parley_last_backup_timestamp_seconds 3e+09`,
		`parley_http_requests_total{class="4xx",front="console"} 1`, `parley_http_requests_active{front="console"} 0`,
		`parley_log_lines_total{level="ERROR"} 1`, `parley_log_lines_total{level="WARN"} 0`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// Nothing but the names of parties, and words of our own, stands in a label.
func TestLabelsTellNoContent(t *testing.T) {
	got := scrape(t, full(t))
	if strings.Contains(got, secret) {
		t.Errorf("content is in the figures:\n%s", got)
	}
	for _, m := range regexp.MustCompile(`[{,]([a-z_]+)="`).FindAllStringSubmatch(got, -1) {
		if !slices.Contains([]string{"party", "kind", "direction", "result", "front", "class", "level", "version", "go", "le", "quantile"}, m[1]) {
			t.Errorf("unknown label %q: say that it holds no content, and add it here", m[1])
		}
	}
}

func TestWithoutANode(t *testing.T) {
	s := metrics.New("test")
	if got := scrape(t, s); !strings.Contains(got, "parley_leads 0\n") || strings.Contains(got, "parley_incidents") {
		t.Errorf("a process that stands by tells\n%s", got)
	}
	s.Lead(fake{errors.New(secret)})
	if got := scrape(t, s); !strings.Contains(got, "parley_figures_failed 1\n") || strings.Contains(got, secret) {
		t.Errorf("a node that cannot be asked tells\n%s", got)
	}
}

// The dashboard and the rules name only what is there, and the rules all that needs one.
func TestDashboardAndRulesNameWhatIsThere(t *testing.T) {
	have := scrape(t, full(t))
	used := map[string]bool{}
	for _, file := range []string{"../../deploy/prometheus/alerts.yml", "../../deploy/grafana/parley.json"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(b) {
			t.Errorf("%s is no JSON", file)
		}
		for _, name := range regexp.MustCompile(`\b(?:parley|process|go)_[a-z0-9_]+`).FindAllString(string(b), -1) {
			used[name] = true
			if !regexp.MustCompile(`(?m)^` + name + `[ {]`).MatchString(have) {
				t.Errorf("%s names %s, which no process tells", file, name)
			}
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (parley_\w+) `).FindAllStringSubmatch(have, -1) {
		if name := m[1]; !used[name] && !used[name+"_bucket"] && name != "parley_build_info" {
			t.Errorf("neither dashboard nor rules use %s", name)
		}
	}
}
