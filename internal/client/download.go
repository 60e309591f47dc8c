package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
)

// Download calls an operation that answers with a file and then its account
// (account=true): it copies the file to w as it comes and decodes the account
// into out. An answer that breaks off is an error; what was copied is then not
// whole.
func (c *Client) Download(ctx context.Context, path string, query url.Values, w io.Writer, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://node/api/v1"+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
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
	if resp.StatusCode >= 400 {
		p := &Problem{Status: resp.StatusCode, Title: resp.Status}
		_ = json.NewDecoder(resp.Body).Decode(p) // what does not read leaves the status
		return p
	}
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return errors.New("the node's answer has no parts")
	}
	parts := multipart.NewReader(resp.Body, params["boundary"])
	file, err := parts.NextPart()
	if err == nil {
		_, err = io.Copy(w, file)
	}
	if err != nil {
		return fmt.Errorf("reading the file: %w", err)
	}
	account, err := parts.NextPart()
	if err == nil {
		err = json.NewDecoder(account).Decode(out)
	}
	if err != nil {
		return fmt.Errorf("the node's answer broke off: %w", err)
	}
	return nil
}
