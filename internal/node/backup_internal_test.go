package node

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// FuzzUnpack: whatever a backup holds, nothing is written outside the folder or
// under a name that does not belong into a node's.
func FuzzUnpack(f *testing.F) {
	pack := func(names ...string) []byte {
		var b bytes.Buffer
		t := tar.NewWriter(&b)
		for _, n := range names {
			body := "{}"
			if n == backupManifest {
				body = `{"type":"parley-backup/1","party":"p","files":{"node.json":{"size":2,"sha256":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"../x":{"size":2},"keys/a":{"size":2}}}`
			}
			_ = t.WriteHeader(&tar.Header{Name: n, Size: int64(len(body)), Mode: 0o600})
			_, _ = t.Write([]byte(body))
		}
		_ = t.Close()
		return b.Bytes()
	}
	f.Add(pack(backupManifest, "node.json"))
	f.Add(pack(backupManifest, "../x"))
	f.Add(pack(backupManifest, "keys/a", "keys/a"))
	f.Add(pack("node.json"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		var b bytes.Buffer
		z, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = z.Write(archive)
		_ = z.Close()
		home := t.TempDir()
		dir := filepath.Join(home, "node")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		_, _ = unpackOpen(&b, dir)
		if all, err := os.ReadDir(home); err != nil || len(all) != 1 {
			t.Fatalf("something stands beside the folder: %v, %v", all, err)
		}
		err = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			rel, rerr := filepath.Rel(dir, path)
			if err == nil && rerr == nil && !info.IsDir() && !backupName(filepath.ToSlash(rel)) {
				t.Errorf("%s was written", rel)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
