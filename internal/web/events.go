package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

const (
	// eventGap is the least time between two events of a stream, so that a busy
	// node does not have its pages fetched all the time.
	eventGap = time.Second
	// heartbeat keeps proxies from cutting a quiet stream, and is how long a
	// session that ended can still hold one.
	heartbeat = 25 * time.Second
)

// Stop ends streams of events, so that a server that shuts down need not wait.
func (s *Server) Stop() { s.stopOnce.Do(func() { close(s.stopped) }) }

// eventRoutes tells browsers that something changed, as server-sent events
// (HTML, §9.2). They carry no content: pages ask again for what they show, by
// the calls that check who may see it.
func (s *Server) eventRoutes() {
	s.roles["follow-events"] = anyone
	huma.Register(s.api, huma.Operation{
		OperationID: "follow-events", Method: "GET", Path: "/api/v1/events", Summary: "server-sent events: changed, end",
		Middlewares: huma.Middlewares{s.doorkeeper(anyone)},
	}, func(ctx context.Context, _ *none) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(c huma.Context) {
			c.SetHeader("Content-Type", "text/event-stream")
			c.SetHeader("X-Accel-Buffering", "no")
			s.follow(c.Context(), c.BodyWriter())
		}}, nil
	})
}

func (s *Server) follow(ctx context.Context, w io.Writer) {
	send := func(event string, n int64) bool {
		if event != "end" && !s.stillIn(ctx) {
			fmt.Fprint(w, "event: end\ndata:\n\n")
			return false
		}
		if _, err := fmt.Fprintf(w, "event: %s\nid: %d\ndata:\n\n", event, n); err != nil {
			return false
		}
		rw, ok := w.(http.ResponseWriter)
		return ok && http.NewResponseController(rw).Flush() == nil
	}
	n, next := s.node.Changed()
	if !send("open", n) {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		event := "changed"
		select {
		case <-ctx.Done():
			return
		case <-s.stopped:
			return
		case <-beat.C:
			event = "beat"
		case <-next:
			// What follows soon is told with it.
			select {
			case <-ctx.Done():
				return
			case <-s.stopped:
				return
			case <-time.After(eventGap):
			}
			n, next = s.node.Changed()
		}
		if !send(event, n) {
			return
		}
	}
}

// stillIn looks whether the session of a stream still is one.
func (s *Server) stillIn(ctx context.Context) bool {
	if c, _ := ctx.Value(userKey{}).(caller); c.local {
		return true
	}
	data, found, err := s.node.Sessions().FindCtx(ctx, s.sessions.Token(ctx))
	if err != nil || !found {
		return false
	}
	_, values, err := s.sessions.Codec.Decode(data)
	name, _ := values["name"].(string)
	locked, _ := values["locked"].(string)
	if err != nil || locked != "" {
		return false
	}
	_, err = s.node.Person(ctx, name)
	return err == nil
}
