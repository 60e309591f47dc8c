// Package client calls a running node over its local socket, with the same
// HTTP API that the console uses (docs/api.md). Whoever may open the socket
// file has an operator's rights; there is no other sign-in.
package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
)

// SocketFile is the name of the socket in a node's folder.
const SocketFile = "node.sock"

// ErrNoNode reports that no node runs in the folder.
var ErrNoNode = errors.New("no node is running there")

// Problem is an error that the node answered with.
type Problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Message  string `json:"message"`
		Location string `json:"location"`
	} `json:"errors"` // what is wrong where in the request
}

func (p *Problem) Error() string {
	s := p.Detail
	if s == "" {
		s = p.Title
	}
	for _, e := range p.Errors {
		s += "; " + e.Location + ": " + e.Message
	}
	return s
}

// Client talks to the node in one folder.
type Client struct {
	dir  string
	http http.Client
}

// New returns a client for the node in dir. It does not connect yet.
func New(dir string) *Client {
	c := &Client{dir: dir}
	c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", filepath.Join(dir, SocketFile))
	}}
	return c
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Get calls an operation that changes nothing. out may be nil.
func (c *Client) Get(ctx context.Context, path string, query url.Values, out any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.do(ctx, http.MethodGet, path, "", nil, out)
}

// Post calls an operation with a JSON body; nil sends none. out may be nil.
func (c *Client) Post(ctx context.Context, path string, in, out any) error {
	if in == nil {
		return c.do(ctx, http.MethodPost, path, "", nil, out)
	}
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	return c.do(ctx, http.MethodPost, path, "application/json", bytes.NewReader(b), out)
}

// Delete calls an operation that removes something.
func (c *Client) Delete(ctx context.Context, path string) error {
	return c.do(ctx, http.MethodDelete, path, "", nil, nil)
}

// Send streams a body.
func (c *Client) Send(ctx context.Context, path string, query url.Values, body io.Reader, out any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.do(ctx, http.MethodPost, path, "application/octet-stream", body, out)
}

// Lines posts a JSON body and calls fn with each line of the answer as it
// comes.
func (c *Client) Lines(ctx context.Context, path string, in any, fn func(line []byte) error) error {
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encoding the request: %w", err)
	}
	return c.do(ctx, http.MethodPost, path, "application/json", bytes.NewReader(b), fn)
}

// maxLine bounds one line of an answer, in bytes.
const maxLine = 1 << 20

func (c *Client) do(ctx context.Context, method, path, typ string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://node/api/v1"+path, body)
	if err != nil {
		return err
	}
	if typ != "" {
		req.Header.Set("Content-Type", typ)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return fmt.Errorf("%w: %s (start it with parley serve --dir %s)", ErrNoNode, c.dir, c.dir)
		}
		return fmt.Errorf("talking to the node: %w", err)
	}
	defer resp.Body.Close()
	if fn, ok := out.(func([]byte) error); ok && resp.StatusCode < 400 {
		sc := bufio.NewScanner(resp.Body)
		sc.Buffer(nil, maxLine)
		for sc.Scan() {
			if err := fn(sc.Bytes()); err != nil {
				return err
			}
		}
		if err := sc.Err(); err != nil {
			return fmt.Errorf("reading the node's answer: %w", err)
		}
		return nil
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("reading the node's answer: %w", err)
	}
	if resp.StatusCode >= 400 {
		p := &Problem{Status: resp.StatusCode, Title: resp.Status}
		_ = json.Unmarshal(b, p) // what does not read leaves the status
		return p
	}
	switch o := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*o = b
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("the node's answer does not read: %w", err)
	}
	return nil
}
