package sqlite_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	sqlitedriver "modernc.org/sqlite"

	"parley.example/parley/internal/store"
	"parley.example/parley/internal/store/sqlite"
)

// rowBytes is the size of an average STIX object, in bytes.
const rowBytes = 1500

func benchStore(b *testing.B) store.Store {
	b.Helper()
	s, err := sqlite.Open(filepath.Join(b.TempDir(), "store.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func putRows(b *testing.B, s store.Store, body []byte, first, n int) {
	err := s.Update(context.Background(), func(tx store.Tx) error {
		for i := range n {
			o := store.Object{ID: objectID(first + i), Type: "indicator", Bytes: body}
			if _, err := tx.PutObject(o); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Error(err)
	}
}

// objectID looks like a STIX id and scatters like one.
func objectID(i int) string {
	x := uint64(i+1) * 0x9e3779b97f4a7c15
	return fmt.Sprintf("indicator--%08x-%04x-4%03x-8000-%012x", uint32(x>>32), uint16(x>>16), uint16(x)&0xfff, i)
}

func report(b *testing.B, rows int) {
	b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkUpdate writes durable rows of 1.5 kB through the store.
func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint("rows=", n), func(b *testing.B) {
			s, body := benchStore(b), make([]byte, rowBytes)
			b.ResetTimer()
			for i := range b.N {
				putRows(b, s, body, i*n, n)
			}
			report(b, n)
		})
	}
	for _, writers := range []int{4, 16} {
		b.Run(fmt.Sprint("rows=1/writers=", writers), func(b *testing.B) {
			s, body := benchStore(b), make([]byte, rowBytes)
			next := make(chan int)
			done := make(chan struct{})
			b.ResetTimer()
			for range writers {
				go func() {
					for i := range next {
						putRows(b, s, body, i, 1)
					}
					done <- struct{}{}
				}()
			}
			for i := range b.N {
				next <- i
			}
			close(next)
			for range writers {
				<-done
			}
			report(b, 1)
		})
	}
}

// BenchmarkBareInsert is the limit: the same rows through one prepared
// statement on a table without a second index, synced as often.
func BenchmarkBareInsert(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint("rows=", n), func(b *testing.B) {
			exec := bareTable(b)
			insert, body := exec("INSERT INTO o (id, version, body) VALUES (?, ?, ?)"), make([]byte, rowBytes)
			begin, commit := exec("BEGIN IMMEDIATE"), exec("COMMIT")
			b.ResetTimer()
			for i := range b.N {
				begin()
				for j := range n {
					insert(objectID(i*n+j), int64(0), body)
				}
				commit()
			}
			report(b, n)
		})
	}
}

func bareTable(b *testing.B) func(sql string) func(args ...driver.Value) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "bare.db")
	c, err := (&sqlitedriver.Driver{}).Open("file:" + path + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-16384)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	exec := func(sql string) func(args ...driver.Value) {
		s, err := c.Prepare(sql)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		return func(args ...driver.Value) {
			named := make([]driver.NamedValue, len(args))
			for i, a := range args {
				named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
			}
			if _, err := s.(driver.StmtExecContext).ExecContext(context.Background(), named); err != nil {
				b.Fatal(err)
			}
		}
	}
	exec("CREATE TABLE o (id TEXT, version INTEGER, body BLOB, PRIMARY KEY (id, version))")()
	return exec
}

// BenchmarkSync is the disk's own limit: append a row and sync the file.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	body := make([]byte, rowBytes)
	b.ResetTimer()
	for range b.N {
		if _, err := f.Write(body); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	report(b, 1)
}

// BenchmarkView reads pages of 1,000 objects, shallow and deep.
func BenchmarkView(b *testing.B) {
	s, body := benchStore(b), make([]byte, rowBytes)
	for i := range 50 {
		putRows(b, s, body, i*1000, 1000)
	}
	for _, skip := range []int{0, 45_000} {
		b.Run(fmt.Sprint("skip=", skip), func(b *testing.B) {
			var after int64
			page := func(q store.ObjectQuery) (last int64) {
				err := s.View(context.Background(), func(tx store.Tx) error {
					got, _, err := tx.ListObjects(q)
					if len(got) > 0 {
						last = got[len(got)-1].Added
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
				return last
			}
			if skip > 0 {
				after = page(store.ObjectQuery{Limit: skip})
			}
			b.ResetTimer()
			for range b.N {
				page(store.ObjectQuery{After: after, Types: []string{"indicator"}, Limit: 1000})
			}
			report(b, 1000)
		})
	}
}
