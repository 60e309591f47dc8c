// Package metrics tells those who watch over a node how it does, in the format of
// Prometheus: numbers, and the names of parties. No content, no accord, no person and
// no address stands in a label, so whoever keeps the figures learns who the partners
// are, and how much there is to do with each, but nothing of what.
//
// [New] makes a process's set; [Set.Lead] lets it ask a node while that is open;
// [Set.Handler] answers a scrape. Everything is read when it is asked for, except the
// counts of requests and log lines.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parley.example/parley/internal/node"
)

// Source is what figures come from.
type Source interface {
	Figures(ctx context.Context) (node.Figures, error)
}

// patience is how long a scrape waits for a node's figures.
const patience = 10 * time.Second

// Set is the metrics of one process. It is safe for concurrent use.
type Set struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	active   *prometheus.GaugeVec
	lines    *prometheus.CounterVec

	mu     sync.Mutex
	source Source // guarded by mu; nil: this process does not lead
}

// New makes the metrics of a process; version is what the binary calls itself.
func New(version string) *Set {
	s := &Set{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parley_http_requests_total", Help: "Requests answered, by front (console, socket) and class of status."}, []string{"front", "class"}),
		seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "parley_http_request_seconds", Help: "Time until a request was answered; streams of events are left out.", Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60}}, []string{"front"}),
		active:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "parley_http_requests_active", Help: "Requests being answered."}, []string{"front"}),
		lines:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parley_log_lines_total", Help: "Lines logged, by level."}, []string{"level"}),
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "parley_build_info", Help: "1, with the version as label."}, []string{"version", "go"})
	info.WithLabelValues(version, runtime.Version()).Set(1)
	s.registry.MustRegister(info, s.requests, s.seconds, s.active, s.lines, (*collector)(s),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, l := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		s.lines.WithLabelValues(l.String()) // so that there is a zero to start from
	}
	return s
}

// Lead makes scrapes ask a node; nil: there is none here.
func (s *Set) Lead(src Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source = src
}

// Handler answers scrapes.
func (s *Set) Handler() http.Handler {
	return promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 2 * patience})
}

// Count counts the requests that next answers.
func (s *Set) Count(front string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		s.active.WithLabelValues(front).Inc()
		c := &coded{ResponseWriter: w, code: http.StatusOK}
		defer func() {
			s.active.WithLabelValues(front).Dec()
			s.requests.WithLabelValues(front, class(c.code)).Inc()
			if w.Header().Get("Content-Type") != "text/event-stream" {
				s.seconds.WithLabelValues(front).Observe(time.Since(start).Seconds())
			}
		}()
		next.ServeHTTP(c, r)
	})
}

func class(code int) string { return string(rune('0'+code/100)) + "xx" }

// coded remembers the status of an answer.
type coded struct {
	http.ResponseWriter
	code int
}

func (c *coded) WriteHeader(code int) {
	c.code = code
	c.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach what is behind.
func (c *coded) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Log counts the lines that go to h.
func (s *Set) Log(h slog.Handler) slog.Handler { return counting{h, s.lines} }

type counting struct {
	slog.Handler
	lines *prometheus.CounterVec
}

// Handle counts and passes on.
func (c counting) Handle(ctx context.Context, r slog.Record) error {
	c.lines.WithLabelValues(r.Level.String()).Inc()
	return c.Handler.Handle(ctx, r)
}

// WithAttrs keeps counting.
func (c counting) WithAttrs(a []slog.Attr) slog.Handler {
	return counting{c.Handler.WithAttrs(a), c.lines}
}

// WithGroup keeps counting.
func (c counting) WithGroup(name string) slog.Handler {
	return counting{c.Handler.WithGroup(name), c.lines}
}
