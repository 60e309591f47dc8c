package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"parley.example/parley/internal/metrics"
	"parley.example/parley/internal/node"
)

// metricsPath is where figures are on the address for metrics; on the socket they are
// beside the API's operations.
const metricsPath = "/metrics"

// offerMetrics answers scrapes on the configured address of this machine until the
// process ends; stop frees the address.
func offerMetrics(cfg node.Config, set *metrics.Set) (stop func() error, err error) {
	if cfg.Metrics == "" {
		return func() error { return nil }, nil
	}
	host, _, err := net.SplitHostPort(cfg.Metrics)
	if err != nil || !(host == "localhost" || net.ParseIP(host).IsLoopback()) {
		return nil, &codeError{exitNo, fmt.Errorf("metrics %q in node.json: want an address of this machine alone, like 127.0.0.1:8602; they name the partners, and nobody signs in for them", cfg.Metrics)}
	}
	l, err := net.Listen("tcp", cfg.Metrics)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+metricsPath, set.Handler())
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	return func() error {
		err := errors.Join(srv.Close(), <-done)
		return dropClosed(err)
	}, nil
}

// withMetrics puts the figures beside what the socket answers.
func withMetrics(local http.Handler, set *metrics.Set) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1"+metricsPath, set.Handler())
	mux.Handle("/", local)
	return mux
}

func (a *app) metricsCmd() *cobra.Command {
	return &cobra.Command{
		Use: "metrics", Short: "Print the running node's figures as Prometheus reads them", Args: cobra.NoArgs,
		Long: "Prints what Prometheus reads: numbers and names of parties, no content. Prometheus itself reads them where\n" +
			"\"metrics\" in node.json names an address of this machine, like 127.0.0.1:8602.",
		RunE: func(c *cobra.Command, _ []string) error {
			var b []byte
			if err := a.client().Get(c.Context(), metricsPath, nil, &b); err != nil {
				return err
			}
			_, err := a.out.Write(b)
			return err
		},
	}
}

// logger writes structured lines; format is text or json.
func logger(w io.Writer, format string, verbose bool) (slog.Handler, error) {
	opt := &slog.HandlerOptions{Level: slog.LevelInfo}
	if verbose {
		opt.Level = slog.LevelDebug
	}
	switch format {
	case "text":
		return slog.NewTextHandler(w, opt), nil
	case "json":
		return slog.NewJSONHandler(w, opt), nil
	}
	return nil, usage("--log-format %s: want text or json", format)
}
