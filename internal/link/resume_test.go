package link_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley.example/parley/internal/link"
)

// weakLine is a proxy whose connections break after so many bytes in a direction.
type weakLine struct {
	endpoint string
	up, down atomic.Int64 // bytes that may pass until the next break; negative: no end
	dead     atomic.Bool  // nothing gets through at all
	total    atomic.Int64 // bytes that came out at either end
	breaks   atomic.Int64
	broke    func() // called at a break, before either end learns of it
}

func newWeakLine(t *testing.T, target string) *weakLine {
	t.Helper()
	w := new(weakLine)
	w.up.Store(-1)
	w.down.Store(-1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.endpoint = "https://" + l.Addr().String()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []func()
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if w.dead.Load() {
				c.Close()
				continue
			}
			s, err := net.Dial("tcp", strings.TrimPrefix(target, "https://"))
			if err != nil {
				c.Close()
				continue
			}
			end := func() { c.Close(); s.Close() }
			mu.Lock()
			open = append(open, end)
			mu.Unlock()
			wg.Go(func() { w.carry(s, c, &w.up, end) })
			wg.Go(func() { w.carry(c, s, &w.down, end) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, end := range open {
			end()
		}
		mu.Unlock()
		wg.Wait()
	})
	return w
}

func (w *weakLine) carry(to, from net.Conn, left *atomic.Int64, end func()) {
	defer end()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if left.Load() >= 0 && left.Add(-int64(n)) < 0 {
			left.Store(-1)
			w.breaks.Add(1)
			if w.broke != nil {
				w.broke()
			}
			return
		}
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return
			}
			w.total.Add(int64(n))
		}
		if err != nil {
			return
		}
	}
}

// bulky is a parcel of so many bytes that do not compress.
func bulky(seed byte, bytes int) link.Parcel {
	p := link.Parcel{Header: link.Header{From: "north", To: "south", Accord: "a", Have: 1}}
	r := rand.NewChaCha8([32]byte{seed})
	for i := range int64(4) {
		b := make([]byte, bytes/4)
		r.Read(b)
		p.Bodies = append(p.Bodies, link.Body{Index: i, Bytes: b})
	}
	return p
}

func answered(p link.Parcel, bodies []link.Body) link.Parcel {
	return link.Parcel{Header: link.Header{From: p.To, To: p.From, Accord: p.Header.Accord, Have: 7}, Bodies: bodies}
}

// A line that drops after 40 of 60 MiB goes on where it stopped.
func TestParcelGoesOnWhereTheLineDropped(t *testing.T) {
	const size = long
	var got atomic.Int64
	want := bulky(1, size)
	endpoint, pin, client := line(t, func(_ context.Context, _ string, p link.Parcel) (link.Parcel, error) {
		got.Add(1)
		if !reflect.DeepEqual(p, want) {
			t.Error("another parcel arrived than was sent")
		}
		return answered(p, nil), nil
	})
	w := newWeakLine(t, endpoint)
	w.up.Store(size / 3 * 2)
	reply, err := client.Exchange(t.Context(), w.endpoint, pin, want)
	if err != nil || reply.Have != 7 || got.Load() != 1 {
		t.Fatalf("reply %+v, %d arrived, %v", reply.Header, got.Load(), err)
	}
	if n := w.total.Load(); w.breaks.Load() != 1 || n > size+2<<20 {
		t.Errorf("%d bytes went over the line in all for a parcel of %d, with %d breaks", n, size, w.breaks.Load())
	}
}

func TestAnswerGoesOnWhereTheLineDropped(t *testing.T) {
	const size = 4 << 20
	var asked atomic.Int64
	big := bulky(2, size)
	endpoint, pin, client := line(t, func(_ context.Context, _ string, p link.Parcel) (link.Parcel, error) {
		asked.Add(1)
		return answered(p, big.Bodies), nil
	})
	w := newWeakLine(t, endpoint)
	w.down.Store(3 << 20)
	small := link.Parcel{Header: big.Header}
	reply, err := client.Exchange(t.Context(), w.endpoint, pin, small)
	if err != nil || !reflect.DeepEqual(reply.Bodies, big.Bodies) || asked.Load() != 1 {
		t.Fatalf("%d bodies after %d asks, %v", len(reply.Bodies), asked.Load(), err)
	}
	if n := w.total.Load(); w.breaks.Load() != 1 || n > size+2<<20 {
		t.Errorf("%d bytes went over the line in all for an answer of %d, with %d breaks", n, size, w.breaks.Load())
	}
}

// While the line stays down, the exchange ends with an error; when it is back,
// Finish goes on, and something else may go first.
func TestFinishGoesOnLater(t *testing.T) {
	const size = 4 << 20
	var mu sync.Mutex
	var order []string
	endpoint, pin, client := line(t, func(_ context.Context, _ string, p link.Parcel) (link.Parcel, error) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, fmt.Sprint(len(p.Bodies)))
		return answered(p, nil), nil
	})
	w := newWeakLine(t, endpoint)
	w.up.Store(3 << 20)
	big := bulky(3, size)
	w.broke = func() { w.dead.Store(true) }
	if _, err := client.Exchange(t.Context(), w.endpoint, pin, big); err == nil {
		t.Fatal("a parcel arrived over a dead line")
	}
	if _, ok, err := client.Finish(t.Context(), w.endpoint, pin, "a"); ok || err == nil {
		t.Fatalf("finished over a dead line: %v, %v", ok, err)
	}
	w.dead.Store(false)
	urgent := link.Parcel{Header: big.Header, Bodies: big.Bodies[:1]}
	urgent.Bodies = []link.Body{{Index: 9, Bytes: []byte("flash")}}
	if _, err := client.Exchange(t.Context(), w.endpoint, pin, urgent); err != nil {
		t.Fatal(err)
	}
	reply, ok, err := client.Finish(t.Context(), w.endpoint, pin, "a")
	if !ok || err != nil || reply.Have != 7 {
		t.Fatalf("finishing: %v, %v", ok, err)
	}
	if _, ok, err := client.Finish(t.Context(), w.endpoint, pin, "a"); ok || err != nil {
		t.Errorf("finished twice: %v, %v", ok, err)
	}
	if got := strings.Join(order, " "); got != "1 4" {
		t.Errorf("bodies arrived in order %s, want the urgent one first", got)
	}
	if n := w.total.Load(); n > size+2<<20 {
		t.Errorf("%d bytes went over the line in all for a parcel of %d", n, size)
	}
}

// What must not arrive any more is not finished, in either direction.
func TestForgottenTransfersEnd(t *testing.T) {
	big := bulky(4, 4<<20)
	l := newLine(t, func(_ context.Context, _ string, p link.Parcel) (link.Parcel, error) {
		return answered(p, big.Bodies), nil
	})
	w := newWeakLine(t, l.endpoint)
	w.down.Store(2 << 20)
	w.broke = func() {
		// It stops what stands still on the line, and does not wait for it.
		l.server.Forget("north", "a")
		w.dead.Store(true)
	}
	small := link.Parcel{Header: big.Header}
	if _, err := l.client.Exchange(t.Context(), w.endpoint, l.pin, small); err == nil {
		t.Fatal("an answer arrived over a dead line")
	}
	w.dead.Store(false)
	if _, ok, err := l.client.Finish(t.Context(), w.endpoint, l.pin, "a"); ok || err != nil {
		t.Errorf("fetching an answer that was forgotten: %v, %v", ok, err)
	}

	w.up.Store(2 << 20)
	w.broke = func() { w.dead.Store(true) }
	if _, err := l.client.Exchange(t.Context(), w.endpoint, l.pin, big); err == nil {
		t.Fatal("a parcel arrived over a dead line")
	}
	w.dead.Store(false)
	l.client.Forget(l.pin, "a")
	if _, ok, err := l.client.Finish(t.Context(), w.endpoint, l.pin, "a"); ok || err != nil {
		t.Errorf("a forgotten parcel was finished: %v, %v", ok, err)
	}
}

// A parcel whose bytes are not those of its digest, that goes on elsewhere than
// it stopped, or that is too long, is refused, and what came of it is dropped.
func TestUploadsAreChecked(t *testing.T) {
	taken := 0
	l := newLine(t, func(_ context.Context, _ string, p link.Parcel) (link.Parcel, error) {
		taken++
		return answered(p, nil), nil
	})
	raw := encode(t, bulky(5, 1<<20))
	sum := sha256.Sum256(raw)
	digest := hex.EncodeToString(sum[:])
	// The body waits until it is asked for: a refusal that comes before it would
	// else race with the line's being cut.
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{l.cert}}}}
	post := func(digest, span string, body []byte) (status int, offset string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", l.endpoint+"/parley/v1/parcels", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Expect", "100-continue")
		req.Header.Set("Parley-Digest", digest)
		if span != "" {
			req.Header.Set("Content-Range", span)
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Parley-Offset")
	}
	n := len(raw)
	for _, x := range []struct {
		name, digest, span string
		body               []byte
		want               int
	}{
		{"a digest of other bytes", strings.Repeat("0", 64), "", raw, 400},
		{"no digest", "parcel", "", raw, 400},
		{"a part from nowhere", digest, fmt.Sprintf("bytes 10-%d/%d", n-1, n), raw[10:], 416},
		{"a span that does not read", digest, "bytes 10", raw[10:], 400},
		{"a span of more than may be", digest, fmt.Sprintf("bytes 0-%d/%d", 1<<30-1, 1<<30), raw, 400},
		{"a span of other length", digest, fmt.Sprintf("bytes 0-%d/%d", n+9, n+10), raw, 400},
	} {
		if got, _ := post(x.digest, x.span, x.body); got != x.want {
			t.Errorf("%s: status %d, want %d", x.name, got, x.want)
		}
	}
	if taken != 0 {
		t.Errorf("%d bad parcels were taken in", taken)
	}
	if got, _ := post(digest, "", raw); got != 200 || taken != 1 {
		t.Errorf("the parcel itself: status %d, taken %d", got, taken)
	}
	// The same again, because the answer was lost: nothing of it need be sent.
	if got, _ := post(digest, fmt.Sprintf("bytes %d-%d/%d", n, n-1, n), nil); got != 200 || taken != 2 {
		t.Errorf("once more without a byte: status %d, taken %d", got, taken)
	}
}

// A line on which nothing moves counts as down, however long it takes that moves.
func TestLineThatStandsStillIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	l := newLine(t, func(_ context.Context, _ string, p link.Parcel) (link.Parcel, error) {
		<-release
		return answered(p, nil), nil
	})
	defer close(release)
	l.client.Stall = 50 * time.Millisecond
	_, err := l.client.Exchange(t.Context(), l.endpoint, l.pin, link.Parcel{Header: link.Header{From: "north", To: "south", Accord: "a"}})
	if err == nil || !strings.Contains(err.Error(), "nothing moved") {
		t.Errorf("got %v, want it given up", err)
	}
}
